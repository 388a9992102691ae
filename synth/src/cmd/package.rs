//! `synth package`: checks that Lambda can run the package, and writes it reproducibly.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
};

use crate::cmd::{
    CommandError,
    config_args::{self, architecture},
    print,
};
use crate::{cfn::resource::Architecture, config::Overrides, package::Package};

#[derive(Debug, clap::Args)]
pub(super) struct PackageArgs {
    /// The archive of cargo-lambda, or the program itself
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The configuration file, which sets the architecture
    #[arg(long, value_name = "FILE", default_value = "rotation.yaml")]
    config: PathBuf,
    /// Override architecture: arm64 or x86_64
    #[arg(long, value_parser = architecture)]
    architecture: Option<Architecture>,
    /// Write the package to this file [default: FILE with the ending .zip]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Accept a program that needs a newer C library than Lambda's: only for an emulator on this machine
    #[arg(long)]
    any_c_library: bool,
}

pub(super) fn run(args: &PackageArgs) -> Result<(), CommandError> {
    let (wanted, says) = if let Some(architecture) = args.architecture {
        (architecture, "--architecture".to_owned())
    } else {
        let config = config_args::read(&args.config, Overrides::default())?.config;
        (config.architecture, args.config.display().to_string())
    };
    let package = read(&args.file, wanted, &says)?;
    if !args.any_c_library {
        package.check_c_library().map_err(|e| CommandError::bad_input(format!("{}: {e}", args.file.display())))?;
    }
    let output = args.output.clone().unwrap_or_else(|| args.file.with_extension("zip"));
    replace(&output, package.bytes())
        .map_err(|e| CommandError::failure(format!("{}: cannot be written: {e}", output.display())))?;
    let (size, architecture) = (package.bytes().len(), package.architecture().as_str());
    print(&format!("{}\t{size} bytes\tsha256 {}\t{architecture}\n", output.display(), package.digest()))
}

/// Reads and checks an archive or a program. `says` is the file or option that sets the architecture, for messages.
pub(super) fn read(path: &Path, wanted: Architecture, says: &str) -> Result<Package, CommandError> {
    let file = path.display();
    let bytes = fs::read(path).map_err(|e| {
        CommandError::bad_input(format!("{file}: cannot be read: {e}; build a package with make build"))
    })?;
    Package::read(&bytes, wanted, says).map_err(|e| CommandError::bad_input(format!("{file}: {e}")))
}

/// Writes a file atomically: a reader sees the old file or the new one, never a part.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", process::id()));
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first of the two errors explains more, so the second one is ignored.
        let _ = fs::remove_file(&beside);
    }
    written
}
