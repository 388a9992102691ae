//! The archive around the program: read from whatever made it, written in one way.
//!
//! It is read by a library, for what is read may be anything. It is written here, for what is written shall be the same for
//! ever: a byte that another version of a library wrote otherwise would be another key, and an update of every function.

use std::io::{self, Read, Write};

use flate2::{Compression, Crc, read::DeflateDecoder, write::DeflateEncoder};
use rawzip::{CompressionMethod, ZipArchive};

/// What Lambda starts.
const PROGRAM: &[u8] = b"bootstrap";

/// Why an archive gives no program. The messages follow the file's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no archive.
    #[error("this is no zip archive ({0}); make build makes one")]
    NotZip(String),
    /// The program is not in it.
    #[error("it has no bootstrap, which is what Lambda starts; {0}")]
    NoProgram(String),
    /// Something else is in it.
    #[error("it holds more than bootstrap: {0}; leave out what the program does not need, and compile in the rest")]
    NotAlone(String),
    /// The program is too large.
    #[error("its bootstrap has more bytes than Lambda takes: unpacked it must be smaller than {0}")]
    TooLarge(usize),
    /// The program cannot be unpacked.
    #[error("its bootstrap cannot be unpacked: {0}; build it anew with make build")]
    Damaged(String),
}

/// A program, if it is smaller than the limit.
pub(super) fn limit(program: Vec<u8>, limit: usize) -> Result<Vec<u8>, Unreadable> {
    if program.len() < limit { Ok(program) } else { Err(Unreadable::TooLarge(limit)) }
}

/// The program in an archive, if it is smaller than the limit. No more than that is ever unpacked.
pub(super) fn unpack(zip: &[u8], limit: usize) -> Result<Vec<u8>, Unreadable> {
    let not_zip = |e: rawzip::Error| Unreadable::NotZip(e.to_string());
    let damaged = |e: rawzip::Error| Unreadable::Damaged(e.to_string());
    let archive = ZipArchive::from_slice(zip).map_err(not_zip)?;
    let entries: Vec<_> = archive.entries().collect::<Result<_, _>>().map_err(not_zip)?;
    let is_program = |path: &[u8]| path == PROGRAM;
    let [entry] = entries.as_slice() else {
        let mut rest: Vec<&[u8]> = entries.iter().map(|entry| entry.file_path().as_bytes()).collect();
        return Err(match rest.iter().position(|path| is_program(path)) {
            Some(at) => {
                rest.remove(at);
                Unreadable::NotAlone(listed(&rest))
            }
            None if rest.is_empty() => Unreadable::NoProgram("it is empty".into()),
            None => Unreadable::NoProgram(format!("it holds {}", listed(&rest))),
        });
    };
    let path = entry.file_path().as_bytes();
    if !is_program(path) {
        return Err(Unreadable::NoProgram(format!("it holds {}", listed(&[path]))));
    }
    if entry.flags().is_encrypted() {
        return Err(Unreadable::Damaged("it is encrypted".into()));
    }
    let claimed = entry.uncompressed_size_hint();
    if claimed >= limit as u64 {
        return Err(Unreadable::TooLarge(limit));
    }
    let content = archive.get_entry(entry.wayfinder()).map_err(damaged)?;
    let decoder: Box<dyn Read + '_> = match entry.compression_method() {
        CompressionMethod::STORE => Box::new(content.data()),
        CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(content.data())),
        other => return Err(Unreadable::Damaged(format!("{other} is not a way in which Lambda unpacks"))),
    };
    // The size is only a claim: one byte more shows that it is wrong.
    let mut program = Vec::new();
    let read = content.verifying_reader(decoder.take(claimed + 1)).read_to_end(&mut program);
    read.map_err(|e| Unreadable::Damaged(e.to_string()))?;
    Ok(program)
}

/// The first few names, and how many more there are. Whoever wrote them may have meant harm to the terminal.
fn listed(paths: &[&[u8]]) -> String {
    const SHOWN: usize = 4;
    let mut names: Vec<_> =
        paths.iter().take(SHOWN).map(|path| format!("{:.60?}", String::from_utf8_lossy(path))).collect();
    if paths.len() > SHOWN {
        names.push(format!("and {} more", paths.len() - SHOWN));
    }
    names.join(", ")
}

/// 1980-01-01, the first day that an archive can name: years since then, month, day.
const DATE: u16 = (1 << 5) | 1;
/// The versions of the format, 2.0 for deflate, and of what made it, 2.0 on Unix.
const NEEDS: [u8; 2] = [20, 0];
const MADE_BY: [u8; 2] = [20, 3];
/// A file that all may read and run.
const MODE: u32 = 0o100_755;

/// The archive of a program: deflated, and nothing else (PKWARE's APPNOTE, 4.3).
pub(super) fn pack(program: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let damaged = |e: io::Error| Unreadable::Damaged(e.to_string());
    let size = |bytes: usize| u32::try_from(bytes).map(u32::to_le_bytes).map_err(|_| Unreadable::TooLarge(bytes));
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(program).map_err(damaged)?;
    let deflated = encoder.finish().map_err(damaged)?;
    let mut crc = Crc::new();
    crc.update(program);

    // What both headers say: … flags, method, time, date, checksum, sizes, the name's length, extra fields.
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
    // … comment, disk, internal attributes, external ones, where the file begins.
    let central = [b"PK\x01\x02", &MADE_BY[..], &file, &[0; 6], &(MODE << 16).to_le_bytes(), &[0; 4], PROGRAM].concat();
    // … two disks' numbers, files on this one and on all, the directory's size and place, comment.
    let (directory, at) = (size(central.len())?, size(local.len() + deflated.len())?);
    let end = [b"PK\x05\x06", &[0; 4][..], &[1, 0], &[1, 0], &directory, &at, &[0; 2]].concat();
    Ok([local, deflated, central, end].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of a program, as both headers claim it.
    fn claim(zip: &mut [u8], size: u32) {
        let central = zip.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
        for at in [22, central + 24] {
            zip[at..at + 4].copy_from_slice(&size.to_le_bytes());
        }
    }

    #[test]
    fn a_program_is_smaller_than_the_limit() {
        assert_eq!(limit(vec![0; 10], 10), Err(Unreadable::TooLarge(10)));
        assert_eq!(limit(vec![0; 9], 10), Ok(vec![0; 9]));
        let zip = pack(&vec![0; 100_000]).unwrap();
        assert!(zip.len() < 400, "a bomb, in small");
        assert_eq!(unpack(&zip, 100_001), Ok(vec![0; 100_000]));
        assert_eq!(unpack(&zip, 100_000), Err(Unreadable::TooLarge(100_000)));
    }

    #[test]
    fn a_claim_of_its_size_is_not_believed() {
        for size in [10, 50_000, 99_999, 100_001] {
            let mut zip = pack(&vec![0; 100_000]).unwrap();
            claim(&mut zip, size);
            let Err(Unreadable::Damaged(why)) = unpack(&zip, 200_000) else { panic!("{size}") };
            assert!(why.to_lowercase().contains("size"), "{why}");
        }
    }
}
