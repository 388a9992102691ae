//! The handler's package: what Lambda is given to run. Pure: bytes in, bytes out.
//!
//! cargo-lambda stamps its archives with the time, so that two builds of one program are two packages, and a stack changes
//! though nothing has. Here one program makes one package: it is written anew, with nothing in it but the program, and its key
//! in the artifact bucket is its digest.

mod archive;
mod elf;

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::cfn::resource::Architecture;

pub use archive::Unreadable;
pub use elf::Alien;

/// A program has fewer bytes than this (Lambda's own message: "Unzipped size must be smaller than 262144000 bytes").
pub const UNZIPPED: usize = 262_144_000;

/// A package that Lambda will run: an archive with the program alone, for the processor that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    bytes: Vec<u8>,
    digest: Digest,
    architecture: Architecture,
    unzipped: usize,
}

/// A SHA-256 digest. It is shown in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

/// Why something is no package. The messages follow the file's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no archive with the program alone.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// What is in it is no program for Lambda.
    #[error("its bootstrap {0}; make build makes one")]
    Alien(#[from] Alien),
    /// It is for another processor.
    #[error(
        "the package is for {}, but {says} says {}: build it with make build ARCH={}, or set architecture: {}",
        is.as_str(), wanted.as_str(), wanted.as_str(), is.as_str()
    )]
    OtherArchitecture {
        /// The processor that it is for.
        is: Architecture,
        /// The one that it should be for.
        wanted: Architecture,
        /// Who says so.
        says: String,
    },
}

impl Package {
    /// Makes a package out of the archive that cargo-lambda made, out of one of its own, or out of the program itself. `says`
    /// names the file or option that asks for this architecture; the error shows it.
    ///
    /// # Errors
    /// [`Refused`] if Lambda would not run it.
    pub fn read(file: &[u8], wanted: Architecture, says: &str) -> Result<Self, Refused> {
        let program = if elf::is_program(file) {
            archive::limit(file.to_vec(), UNZIPPED)?
        } else {
            archive::unpack(file, UNZIPPED)?
        };
        let is = elf::architecture(&program)?;
        if is != wanted {
            return Err(Refused::OtherArchitecture { is, wanted, says: says.to_owned() });
        }
        let bytes = archive::pack(&program)?;
        let digest = Digest::of(&bytes);
        Ok(Self { bytes, digest, architecture: is, unzipped: program.len() })
    }

    /// The archive.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest of the archive.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The key that it has in the artifact bucket.
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

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
