//! The zip archive around the program. Any archive can be read; every archive is written in the same way.
//!
//! A library reads archives, because the input may be anything. This module writes them, because the output must never
//! change. If a new version of a library wrote one byte differently, the key would change, and every function would be
//! updated.

use std::io::{self, Read, Write};

use flate2::{Compression, Crc, read::DeflateDecoder, write::DeflateEncoder};
use rawzip::{CompressionMethod, ZipArchive};

/// The file that Lambda starts.
const PROGRAM: &[u8] = b"bootstrap";

/// The reason why an archive has no usable program. The messages are shown after the name of the file and a colon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The file is not a zip archive. Holds the library's message.
    #[error("this is not a zip archive ({0}); create one with `make build`")]
    NotZip(String),
    /// The archive has no file `bootstrap`. Holds what it has instead.
    #[error("it has no file bootstrap, which Lambda starts: {0}; create a package with `make build`")]
    NoProgram(String),
    /// The archive has other files than `bootstrap`. Holds their names.
    #[error("it has other files than bootstrap: {0}; remove them, or compile into the program what it needs of them")]
    NotAlone(String),
    /// The program is too large. Holds the limit, in bytes.
    #[error("its bootstrap is too large: unpacked, it must be smaller than {0} bytes; build it with `make build`")]
    TooLarge(usize),
    /// The program cannot be unpacked. Holds the reason.
    #[error("its bootstrap cannot be unpacked: {0}; build it again with `make build`")]
    Damaged(String),
}

/// Returns the program if it is smaller than the limit, in bytes.
pub(super) fn limit(program: Vec<u8>, limit: usize) -> Result<Vec<u8>, ArchiveError> {
    if program.len() < limit { Ok(program) } else { Err(ArchiveError::TooLarge(limit)) }
}

/// Returns the program in an archive if it is smaller than the limit, in bytes. Never unpacks more than that.
pub(super) fn unpack(zip: &[u8], limit: usize) -> Result<Vec<u8>, ArchiveError> {
    let not_zip = |e: rawzip::Error| ArchiveError::NotZip(e.to_string());
    let damaged = |e: rawzip::Error| ArchiveError::Damaged(e.to_string());
    let archive = ZipArchive::from_slice(zip).map_err(not_zip)?;
    let entries: Vec<_> = archive.entries().collect::<Result<_, _>>().map_err(not_zip)?;
    let is_program = |path: &[u8]| path == PROGRAM;
    let [entry] = entries.as_slice() else {
        let mut rest: Vec<&[u8]> = entries.iter().map(|entry| entry.file_path().as_bytes()).collect();
        return Err(match rest.iter().position(|path| is_program(path)) {
            Some(at) => {
                rest.remove(at);
                ArchiveError::NotAlone(listed(&rest))
            }
            None if rest.is_empty() => ArchiveError::NoProgram("the archive is empty".into()),
            None => ArchiveError::NoProgram(format!("the archive has {}", listed(&rest))),
        });
    };
    let path = entry.file_path().as_bytes();
    if !is_program(path) {
        return Err(ArchiveError::NoProgram(format!("the archive has {}", listed(&[path]))));
    }
    if entry.flags().is_encrypted() {
        return Err(ArchiveError::Damaged("it is encrypted".into()));
    }
    let claimed = entry.uncompressed_size_hint();
    if claimed >= limit as u64 {
        return Err(ArchiveError::TooLarge(limit));
    }
    let content = archive.get_entry(entry.wayfinder()).map_err(damaged)?;
    let decoder: Box<dyn Read + '_> = match entry.compression_method() {
        CompressionMethod::STORE => Box::new(content.data()),
        CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(content.data())),
        other => return Err(ArchiveError::Damaged(format!("Lambda does not support its compression method {other}"))),
    };
    // The size in the archive may be wrong. Reading one more byte than that shows it.
    let mut program = Vec::new();
    let read = content.verifying_reader(decoder.take(claimed + 1)).read_to_end(&mut program);
    read.map_err(|e| ArchiveError::Damaged(e.to_string()))?;
    Ok(program)
}

/// The first four names, and the number of others. The names are untrusted, so characters that could control the
/// terminal are escaped.
fn listed(paths: &[&[u8]]) -> String {
    const SHOWN: usize = 4;
    let mut names: Vec<_> =
        paths.iter().take(SHOWN).map(|path| format!("{:.60?}", String::from_utf8_lossy(path))).collect();
    if paths.len() > SHOWN {
        names.push(format!("and {} more", paths.len() - SHOWN));
    }
    names.join(", ")
}

/// 1980-01-01, the first date that an archive can have. The bits hold the years since 1980, the month and the day.
const DATE: u16 = (1 << 5) | 1;
/// The version of the format that a reader needs: 2.0, because of deflate.
const NEEDS: [u8; 2] = [20, 0];
/// The version of the writer: 2.0 on Unix (3).
const MADE_BY: [u8; 2] = [20, 3];
/// The mode of a regular file that every user may read and execute.
const MODE: u32 = 0o100_755;

/// Makes the archive of a program: one deflated file (PKWARE's APPNOTE, 4.3).
pub(super) fn pack(program: &[u8]) -> Result<Vec<u8>, ArchiveError> {
    let damaged = |e: io::Error| ArchiveError::Damaged(e.to_string());
    let size = |bytes: usize| u32::try_from(bytes).map(u32::to_le_bytes).map_err(|_| ArchiveError::TooLarge(bytes));
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(program).map_err(damaged)?;
    let deflated = encoder.finish().map_err(damaged)?;
    let mut crc = Crc::new();
    crc.update(program);

    // The fields that both headers have: … flags, method, time, date, checksum, sizes, length of the name, extra
    // fields.
    let file = [
        &NEEDS[..],
        &[0; 2],
        &CompressionMethod::DEFLATE.as_u16().to_le_bytes(),
        &[0; 2],
        &DATE.to_le_bytes(),
        &crc.sum().to_le_bytes(),
        &size(deflated.len())?,
        &size(program.len())?,
        &[9, 0],
        &[0; 2],
    ]
    .concat();
    let local = [b"PK\x03\x04", &file[..], PROGRAM].concat();
    // … comment, disk, internal attributes, external attributes, offset of the file.
    let central = [b"PK\x01\x02", &MADE_BY[..], &file, &[0; 6], &(MODE << 16).to_le_bytes(), &[0; 4], PROGRAM].concat();
    // … two disk numbers, number of files on this disk and on all, size and offset of the directory, comment.
    let (directory, at) = (size(central.len())?, size(local.len() + deflated.len())?);
    let end = [b"PK\x05\x06", &[0; 4][..], &[1, 0], &[1, 0], &directory, &at, &[0; 2]].concat();
    Ok([local, deflated, central, end].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets the size of the program in both headers.
    fn claim(zip: &mut [u8], size: u32) {
        let central = zip.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
        for at in [22, central + 24] {
            zip[at..at + 4].copy_from_slice(&size.to_le_bytes());
        }
    }

    #[test]
    fn a_program_is_smaller_than_the_limit() {
        assert_eq!(limit(vec![0; 10], 10), Err(ArchiveError::TooLarge(10)));
        assert_eq!(limit(vec![0; 9], 10), Ok(vec![0; 9]));
        let zip = pack(&vec![0; 100_000]).unwrap();
        assert!(zip.len() < 400, "a small zip bomb");
        assert_eq!(unpack(&zip, 100_001), Ok(vec![0; 100_000]));
        assert_eq!(unpack(&zip, 100_000), Err(ArchiveError::TooLarge(100_000)));
    }

    #[test]
    fn a_wrong_size_in_the_headers_is_found() {
        for size in [10, 50_000, 99_999, 100_001] {
            let mut zip = pack(&vec![0; 100_000]).unwrap();
            claim(&mut zip, size);
            let Err(ArchiveError::Damaged(why)) = unpack(&zip, 200_000) else { panic!("{size}") };
            assert!(why.to_lowercase().contains("size"), "{why}");
        }
    }
}
