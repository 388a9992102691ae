//! Reads the processor that a program is for from the first 20 bytes of an ELF file (elf(5); the numbers are those of
//! `elf.h`).

use crate::cfn::resource::Architecture;

/// The reason why a file is not a program for Lambda. The messages are shown after the name of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// The file is a script.
    #[error("is a script, but Lambda needs an ELF program")]
    Script,
    /// The file has another format. Holds its first four bytes.
    #[error("is not an ELF program: it begins with {0:02x?}")]
    Other(Vec<u8>),
    /// The file is shorter than an ELF header. Holds its size in bytes.
    #[error("is a damaged ELF file: its {0} bytes are too few for the header")]
    Short(usize),
    /// The program is for 32 bits.
    #[error("is a 32-bit program, but Lambda needs a 64-bit one")]
    Narrow,
    /// The file is an object file or a memory dump. Holds its ELF type.
    #[error("is an ELF file, but not an executable: its type is {0}")]
    NotExecutable(u16),
    /// The program is for a processor that Lambda does not have. Holds its ELF machine.
    #[error("is a program for another processor, ELF machine {0}, but Lambda has only x86_64 and arm64")]
    OtherProcessor(u16),
}

const MAGIC: &[u8] = b"\x7fELF";
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
/// `ET_EXEC` and `ET_DYN`. A program that can run at any memory address has the type of a library.
const EXECUTABLE: [u16; 2] = [2, 3];
const X86_64: u16 = 62;
const AARCH64: u16 = 183;

/// Whether these bytes begin like an ELF file.
pub(super) fn is_program(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The processor that a program is for.
pub(super) fn architecture(program: &[u8]) -> Result<Architecture, ElfError> {
    if program.starts_with(b"#!") {
        return Err(ElfError::Script);
    }
    if !is_program(program) {
        return Err(ElfError::Other(program.iter().take(MAGIC.len()).copied().collect()));
    }
    let Some(header) = program.first_chunk::<20>() else { return Err(ElfError::Short(program.len())) };
    let [.., kind_low, kind_high, machine_low, machine_high] = *header;
    let (class, data) = (header[4], header[5]);
    let number = |bytes| if data == LITTLE_ENDIAN { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
    let (kind, machine) = (number([kind_low, kind_high]), number([machine_low, machine_high]));
    if class != CLASS_64 {
        return Err(ElfError::Narrow);
    }
    if !EXECUTABLE.contains(&kind) {
        return Err(ElfError::NotExecutable(kind));
    }
    match machine {
        X86_64 if data == LITTLE_ENDIAN => Ok(Architecture::X86_64),
        AARCH64 if data == LITTLE_ENDIAN => Ok(Architecture::Arm64),
        other => Err(ElfError::OtherProcessor(other)),
    }
}
