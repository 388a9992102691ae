//! The handler's package, which Lambda runs. Pure: bytes in, bytes out.
//!
//! cargo-lambda writes the time into its archives. So two builds of the same program give two packages, and the stack
//! changes without need. Here, the same program always gives the same package: the archive is written again and
//! contains only the program. Its key in the artifact bucket is its digest.

mod archive;
mod elf;

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::cfn::resource::Architecture;

pub use archive::ArchiveError;
pub use elf::ElfError;

/// The limit on a program, in bytes: it must be smaller (Lambda's own message: "Unzipped size must be smaller than
/// 262144000 bytes").
pub const UNZIPPED: usize = 262_144_000;

/// A package that Lambda can run: an archive with only the program, for the requested processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    bytes: Vec<u8>,
    digest: Sha256Digest,
    architecture: Architecture,
    unzipped: usize,
    c_library: Result<(), ElfError>,
}

/// A SHA-256 digest. Its text is hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sha256Digest([u8; 32]);

/// The reason why a file is not a package. The messages are shown after the name of the file and a colon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// The file is not an archive with only the program.
    #[error(transparent)]
    Unreadable(#[from] ArchiveError),
    /// The archive's program is not one for Lambda.
    #[error("its bootstrap {0}; create a package with `make build`")]
    Alien(#[from] ElfError),
    /// The program is for another processor.
    #[error(
        "the package is for {}, but {says} says {}: build it with `make build ARCH={}`, or set `architecture: {}`",
        is.as_str(), wanted.as_str(), wanted.as_str(), is.as_str()
    )]
    OtherArchitecture {
        /// The processor that the program is for.
        is: Architecture,
        /// The processor that it should be for.
        wanted: Architecture,
        /// The name of the file or option that requests that processor.
        says: String,
    },
}

impl Package {
    /// Makes a package of an archive that cargo-lambda wrote, of another package, or of the program itself. `says` is
    /// the name of the file or option that requests this architecture, for the error.
    ///
    /// # Errors
    /// [`PackageError`] if Lambda could not run the program.
    pub fn read(file: &[u8], wanted: Architecture, says: &str) -> Result<Self, PackageError> {
        let program = if elf::is_program(file) {
            archive::limit(file.to_vec(), UNZIPPED)?
        } else {
            archive::unpack(file, UNZIPPED)?
        };
        let is = elf::architecture(&program)?;
        if is != wanted {
            return Err(PackageError::OtherArchitecture { is, wanted, says: says.to_owned() });
        }
        let bytes = archive::pack(&program)?;
        let digest = Sha256Digest::of(&bytes);
        Ok(Self { bytes, digest, architecture: is, unzipped: program.len(), c_library: elf::c_library(&program) })
    }

    /// Checks that Lambda has the C library that the program needs. An emulator runs the program with the C library of its own
    /// machine, so [`Package::read`] does not refuse the program.
    ///
    /// # Errors
    /// [`PackageError::Alien`] names the symbol that Lambda does not have.
    pub fn check_c_library(&self) -> Result<(), PackageError> {
        Ok(self.c_library.clone()?)
    }

    /// The bytes of the archive.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest of the archive.
    #[must_use]
    pub const fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// The key of the package in the artifact bucket: its digest and `.zip`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}.zip", self.digest)
    }

    /// The processor that the program is for.
    #[must_use]
    pub const fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// The size of the program, in bytes.
    #[must_use]
    pub const fn unzipped(&self) -> usize {
        self.unzipped
    }
}

impl Sha256Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 32 bytes of the digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
