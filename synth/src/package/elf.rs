//! What a program is for, as the first 20 bytes of an ELF file say (elf(5); the numbers are those of `elf.h`).

use crate::cfn::resource::Architecture;

/// Why a file is no program for Lambda. The messages follow its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Alien {
    /// A script.
    #[error("is a script, and the handler is an ELF program")]
    Script,
    /// Something else.
    #[error("is no ELF program: it begins with {0:02x?}")]
    Other(Vec<u8>),
    /// Cut off.
    #[error("is an ELF file of {0} bytes: it ends before it has begun")]
    Short(usize),
    /// For 32 bits.
    #[error("is a 32-bit program, and Lambda's processors have 64")]
    Narrow,
    /// An object file, a memory dump.
    #[error("is an ELF file, but no executable: its type is {0}")]
    NotExecutable(u16),
    /// For a processor that Lambda has not.
    #[error("is a program for another processor, ELF machine {0}: Lambda has x86_64 and arm64")]
    OtherProcessor(u16),
}

const MAGIC: &[u8] = b"\x7fELF";
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
/// `ET_EXEC`, and `ET_DYN`: a program may stand anywhere in memory, as a library does.
const EXECUTABLE: [u16; 2] = [2, 3];
const X86_64: u16 = 62;
const AARCH64: u16 = 183;

/// Whether these bytes begin as a program does.
pub(super) fn is_program(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The processor that a program is for.
pub(super) fn architecture(program: &[u8]) -> Result<Architecture, Alien> {
    if program.starts_with(b"#!") {
        return Err(Alien::Script);
    }
    if !is_program(program) {
        return Err(Alien::Other(program.iter().take(MAGIC.len()).copied().collect()));
    }
    let Some(header) = program.first_chunk::<20>() else { return Err(Alien::Short(program.len())) };
    let [.., kind_low, kind_high, machine_low, machine_high] = *header;
    let (class, data) = (header[4], header[5]);
    let number = |bytes| if data == LITTLE_ENDIAN { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
    let (kind, machine) = (number([kind_low, kind_high]), number([machine_low, machine_high]));
    if class != CLASS_64 {
        return Err(Alien::Narrow);
    }
    if !EXECUTABLE.contains(&kind) {
        return Err(Alien::NotExecutable(kind));
    }
    match machine {
        X86_64 if data == LITTLE_ENDIAN => Ok(Architecture::X86_64),
        AARCH64 if data == LITTLE_ENDIAN => Ok(Architecture::Arm64),
        other => Err(Alien::OtherProcessor(other)),
    }
}
