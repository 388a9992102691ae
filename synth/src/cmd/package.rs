//! `synth package`: is this what Lambda can run? If so, it is written anew, always in the same way.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
};

use super::{
    Stop, print,
    source::{self, architecture},
};
use crate::{cfn::resource::Architecture, config::Overrides, package::Package};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The archive that cargo-lambda made
    zip: PathBuf,
    /// The configuration, which says what processor it must be for
    #[arg(long, value_name = "FILE", default_value = "rotation.yaml")]
    config: PathBuf,
    /// Instead of the configuration's architecture
    #[arg(long, value_parser = architecture)]
    architecture: Option<Architecture>,
    /// Write to this file instead of the archive's place
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Stop> {
    let (wanted, says) = if let Some(architecture) = args.architecture {
        (architecture, "--architecture".to_owned())
    } else {
        let config = source::read(&args.config, Overrides::default())?.config;
        (config.architecture, args.config.display().to_string())
    };
    let file = args.zip.display();
    let zip = fs::read(&args.zip)
        .map_err(|e| Stop::bad_input(format!("{file}: cannot be read: {e}; make build makes a package")))?;
    let package = Package::read(&zip, wanted, &says).map_err(|e| Stop::bad_input(format!("{file}: {e}")))?;
    let output = args.output.as_ref().unwrap_or(&args.zip);
    replace(output, package.bytes())
        .map_err(|e| Stop::failure(format!("{}: cannot be written: {e}", output.display())))?;
    let (size, architecture) = (package.bytes().len(), package.architecture().word());
    print(&format!("{}\t{size} bytes\tsha256 {}\t{architecture}\n", output.display(), package.digest()))
}

/// Writes a file as a whole or not at all: whoever reads it meanwhile finds the old one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", process::id()));
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // Of the two failures, the first says more.
        let _ = fs::remove_file(&beside);
    }
    written
}
