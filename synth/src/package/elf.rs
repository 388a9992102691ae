//! Reads from an ELF file the processor that a program is for (its first 20 bytes, elf(5); the numbers are those of `elf.h`),
//! and the C library that it needs.

use object::{
    LittleEndian, SymbolIndex,
    elf::{FileHeader64, SHT_DYNSYM, VER_FLG_WEAK},
    read::elf::{FileHeader as _, Sym as _},
};

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
    /// The program needs a newer C library than Lambda's.
    #[error(
        "needs {version} of the C library{}, but provided.al2023 has glibc 2.34",
        symbol.as_ref().map(|symbol| format!(" for {symbol}")).unwrap_or_default()
    )]
    NewerCLibrary {
        /// The version, such as `GLIBC_2.38`.
        version: String,
        /// The first symbol with this version.
        symbol: Option<String>,
    },
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

/// The newest version of the C library's symbols that provided.al2023 has (Amazon Linux 2023 User Guide, "Release notes": glibc
/// 2.34).
const NEWEST: [u32; 2] = [2, 34];

/// Checks that the C library of provided.al2023 has each version that the program needs. A program whose tables cannot be read is
/// not judged: this finds a mistake of a build, not an attack.
pub(super) fn c_library(program: &[u8]) -> Result<(), ElfError> {
    match newest_version(program) {
        Ok(Some(MissingVersion { name, symbol })) => Err(ElfError::NewerCLibrary { version: name, symbol }),
        Ok(None) | Err(_) => Ok(()),
    }
}

/// A version of the C library that Lambda does not have.
struct MissingVersion {
    /// The name of the version, such as `GLIBC_2.39`.
    name: String,
    /// The first symbol with this version.
    symbol: Option<String>,
}

/// The newest version that Lambda does not have.
fn newest_version(program: &[u8]) -> object::Result<Option<MissingVersion>> {
    let sections = FileHeader64::parse(program)?.sections(LittleEndian, program)?;
    let Some((mut libraries, link)) = sections.gnu_verneed(LittleEndian, program)? else { return Ok(None) };
    let strings = sections.strings(LittleEndian, program, link)?;
    let mut newest: Option<(Vec<u32>, String)> = None;
    while let Some((_, mut versions)) = libraries.next()? {
        while let Some(version) = versions.next()? {
            let name = String::from_utf8_lossy(version.name(LittleEndian, strings)?).into_owned();
            // The loader does not need a weak version.
            let is_weak = version.vna_flags.get(LittleEndian).contains(VER_FLG_WEAK);
            if let Some(number) = number(&name).filter(|number| !is_weak && number[..] > NEWEST[..])
                && newest.as_ref().is_none_or(|(other, _)| number > *other)
            {
                newest = Some((number, name));
            }
        }
    }
    let Some((_, name)) = newest else { return Ok(None) };
    let symbols = sections.symbols(LittleEndian, program, SHT_DYNSYM)?;
    let versions = sections.versions(LittleEndian, program)?;
    let has_version = |index: SymbolIndex| {
        let versions = versions.as_ref()?;
        let version = versions.version(versions.version_index(LittleEndian, index).into()).ok()??;
        (version.name() == name.as_bytes()).then_some(())
    };
    let symbol = symbols.enumerate().find_map(|(index, symbol)| {
        has_version(index)?;
        Some(String::from_utf8_lossy(symbol.name(LittleEndian, symbols.strings()).ok()?).into_owned())
    });
    Ok(Some(MissingVersion { name, symbol }))
}

/// The number of a version of glibc. Versions without a number, such as `GLIBC_ABI_DT_RELR`, are newer than 2.34.
fn number(version: &str) -> Option<Vec<u32>> {
    let version = version.strip_prefix("GLIBC_")?;
    if version.starts_with("ABI_") {
        return Some(vec![2, 35]);
    }
    version.split('.').map(|part| part.parse().ok()).collect()
}
