//! `synth package`: the same program always gives the same package, and a file that Lambda could not run is refused.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use crate::common::{Python, cases, synth, tool};
use flate2::{Compression, write::DeflateEncoder};
use proptest::{prelude::*, test_runner::Config};
use rawzip::{CompressionMethod, ZipArchiveWriter, time::UtcDateTime};
use serde_json::json;
use sha2::{Digest, Sha256};
use synth::{
    cfn::resource::Architecture::{self, Arm64, X86_64},
    package::{Package, UNZIPPED},
};

/// A file that looks like a program: the header of an ELF file, followed by `rest`.
fn program(architecture: Architecture, rest: &[u8]) -> Vec<u8> {
    elf(2, 1, 3, if architecture == Arm64 { 183 } else { 62 }, rest)
}

fn elf(class: u8, data: u8, kind: u8, machine: u8, rest: &[u8]) -> Vec<u8> {
    let header = [0x7f, b'E', b'L', b'F', class, data, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let [kind, machine] = [kind, machine].map(|number| if data == 1 { [number, 0] } else { [0, number] });
    [&header[..], &kind, &machine, &[1, 0, 0, 0], rest].concat()
}

/// The properties of an archive that must not affect the package.
#[derive(Debug, Clone)]
struct Stamp {
    seconds: i64,
    mode: u32,
    method: CompressionMethod,
    level: u32,
    comment: String,
}

const PLAIN: Stamp =
    Stamp { seconds: 1_700_000_000, mode: 0o755, method: CompressionMethod::DEFLATE, level: 6, comment: String::new() };

fn zip(files: &[(&str, &[u8])], stamp: &Stamp) -> Vec<u8> {
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for (name, content) in files {
        let file = archive.new_file(*name).compression_method(stamp.method).unix_permissions(stamp.mode);
        let file = file.last_modified(UtcDateTime::from_unix(stamp.seconds)).comment(stamp.comment.as_bytes());
        let (mut entry, config) = file.start().unwrap();
        let descriptor = if stamp.method == CompressionMethod::DEFLATE {
            let mut data = config.wrap(DeflateEncoder::new(&mut entry, Compression::new(stamp.level)));
            data.write_all(content).unwrap();
            let (encoder, descriptor) = data.finish().unwrap();
            encoder.finish().unwrap();
            descriptor
        } else {
            let mut data = config.wrap(&mut entry);
            data.write_all(content).unwrap();
            data.finish().unwrap().1
        };
        entry.finish(descriptor).unwrap();
    }
    archive.set_comment(stamp.comment.as_bytes());
    archive.finish().unwrap()
}

fn bootstrap(program: &[u8]) -> Vec<u8> {
    zip(&[("bootstrap", program)], &PLAIN)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn architectures() -> impl Strategy<Value = Architecture> {
    prop_oneof![Just(Arm64), Just(X86_64)]
}

fn stamps() -> impl Strategy<Value = Stamp> {
    let method = prop_oneof![Just(CompressionMethod::DEFLATE), Just(CompressionMethod::STORE)];
    // Times from 1980 to 2100, and every mode.
    (315_532_800_i64..4_102_444_800, 0_u32..0o10000, method, 0_u32..=9, "[a-z ]{0,20}")
        .prop_map(|(seconds, mode, method, level, comment)| Stamp { seconds, mode, method, level, comment })
}

/// Contents that compress well, and contents that do not.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(any::<u8>(), 0..5_000);
    let text = (prop::collection::vec(any::<u8>(), 1..50), 1_usize..2_000);
    prop_oneof![noise, text.prop_map(|(piece, times)| piece.repeat(times))]
}

#[test]
fn one_program_makes_one_package() {
    let config = Config { cases: cases(200, 5_000), ..Config::default() };
    proptest!(config, |(architecture in architectures(), rest in contents(), one in stamps(), other in stamps())| {
        let program = program(architecture, &rest);
        let read = |zip: &[u8]| Package::read(zip, architecture, "rotation.yaml").unwrap();
        let [package, another] = [one, other].map(|stamp| read(&zip(&[("bootstrap", &program)], &stamp)));
        prop_assert_eq!(&package, &another, "regardless of the archive");
        prop_assert_eq!(&read(package.bytes()), &package, "a package is its own package");
        prop_assert_eq!((package.architecture(), package.unzipped()), (architecture, program.len()));
        prop_assert_eq!(package.key(), format!("{}.zip", sha256(package.bytes())), "the key is the digest");
        let longer = read(&bootstrap(&[&program[..], b"\0"].concat()));
        prop_assert_ne!(longer.key(), package.key(), "another program is another package");
    });
}

/// The digest must not depend on the machine or on the version of a library. If it changes, every deployed function is
/// updated.
#[test]
fn a_package_is_the_same_for_ever() {
    // This text compresses to a medium degree, so that each choice of the compressor has an effect.
    let noise = (0..200_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]);
    let text: Vec<u8> = noise.map(|byte| b"eetaoin"[usize::from(byte % 7)]).collect();
    let package = Package::read(&bootstrap(&program(Arm64, &text)), Arm64, "").unwrap();
    assert_eq!(package.key(), "89ebaf99449e5752479cb40c778542818b4a6c06d8491ca2de979eda447ecce8.zip");
}

#[test]
fn python_reads_what_is_written_and_makes_what_is_read() {
    let (folder, mut python) = (tempfile::tempdir().unwrap(), Python::start("zips.py", &[]));
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (architecture, rest) in [(Arm64, Vec::new()), (X86_64, b"text ".repeat(50_000)), (X86_64, vec![7; 100])] {
        let program = program(architecture, &rest);
        let expected = Package::read(&bootstrap(&program), architecture, "").unwrap();
        fs::write(path("package.zip"), expected.bytes()).unwrap();
        let answer = python.ask(&json!(["read", path("package.zip")]).to_string());
        let file = json!({
            "name": "bootstrap", "sha256": sha256(&program), "date_time": [1980, 1, 1, 0, 0, 0], "mode": "0o100755",
            "system": 3, "method": 8, "flags": 0, "extra": "", "comment": "",
        });
        assert_eq!(answer, json!({ "damaged": null, "comment": "", "files": [file] }));

        for (date, mode, method) in [([2026, 11, 24, 9, 30, 1], 0o644, 8), ([1980, 1, 1, 0, 0, 0], 0o100_777, 0)] {
            let made = path("made.zip");
            python.ask(&json!(["make", made, hex(&program), date, mode, method, "a comment"]).to_string());
            let package = Package::read(&fs::read(made).unwrap(), architecture, "").unwrap();
            assert_eq!(package, expected);
        }
    }
}

/// No input causes a panic, and no damaged program becomes a package.
#[test]
fn damage_is_found() {
    let good = bootstrap(&program(Arm64, &b"some text, and then some ".repeat(20)));
    let read = |bytes: &[u8]| Package::read(bytes, Arm64, "rotation.yaml");
    let original = read(&good).unwrap();
    for length in 0..good.len() {
        assert!(read(&good[..length]).is_err(), "cut off at {length}");
    }
    let config = Config { cases: cases(2_000, 50_000), ..Config::default() };
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
    proptest!(config, |(changes in changes, noise in prop::collection::vec(any::<u8>(), 0..300))| {
        let mut damaged = good.clone();
        for (index, byte) in changes {
            damaged[index.index(good.len())] = byte;
        }
        // A change of a time or mode has no effect. A change of the program is found by its checksum.
        if let Ok(package) = read(&damaged) {
            prop_assert_eq!(&package, &original);
        }
        prop_assert!(read(&noise).is_err());
        prop_assert!(read(&[b"PK\x03\x04", &noise[..]].concat()).is_err());
        // As the program in a valid archive.
        let _ = read(&bootstrap(&noise));
        let _ = read(&bootstrap(&[b"\x7fELF", &noise[..]].concat()));
    });
}

/// A temporary folder with a configuration and a package.
struct Project(tempfile::TempDir);

impl Project {
    fn new(zip: &[u8]) -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        let config = "users: [alice]\nemails: [a@example.com]\narchitecture: arm64\n";
        fs::write(project.file("rotation.yaml"), config).unwrap();
        fs::write(project.file("x86.yaml"), config.replace("arm64", "x86_64")).unwrap();
        fs::write(project.file("bootstrap.zip"), zip).unwrap();
        project
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `synth package`. Returns the exit code, standard output and standard error.
    fn package(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = synth(self.0.path(), &[&["package"], arguments].concat());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_package_is_checked_and_written_again() {
    let zip = bootstrap(&program(Arm64, b"rest"));
    let expected = Package::read(&zip, Arm64, "").unwrap();
    assert_ne!(expected.bytes(), zip);
    let line =
        |file: &str| format!("{file}\t{} bytes\tsha256 {}\tarm64\n", expected.bytes().len(), sha256(expected.bytes()));
    let project = Project::new(&zip);

    let (code, out, error) = project.package(&["bootstrap.zip", "--output", "out.zip"]);
    assert_eq!((code, out, error), (Some(0), line("out.zip"), String::new()));
    assert_eq!(fs::read(project.file("out.zip")).unwrap(), expected.bytes());
    assert_eq!(fs::read(project.file("bootstrap.zip")).unwrap(), zip, "the archive is unchanged");

    // In place, without a configuration, and again.
    fs::remove_file(project.file("rotation.yaml")).unwrap();
    for _ in 0..2 {
        let (code, out, error) = project.package(&["bootstrap.zip", "--architecture", "arm64"]);
        assert_eq!((code, out, error), (Some(0), line("bootstrap.zip"), String::new()));
        assert_eq!(fs::read(project.file("bootstrap.zip")).unwrap(), expected.bytes());
    }
    // The package of a program is written next to it.
    fs::write(project.file("handler"), program(Arm64, b"rest")).unwrap();
    let (code, out, error) = project.package(&["handler", "--architecture", "arm64"]);
    assert_eq!((code, out, error), (Some(0), line("handler.zip"), String::new()));
    assert_eq!(fs::read(project.file("handler.zip")).unwrap(), expected.bytes());
    assert_eq!(fs::read(project.file("handler")).unwrap(), program(Arm64, b"rest"), "the program is unchanged");

    let (code, _, error) =
        project.package(&["bootstrap.zip", "--architecture", "arm64", "--output", "no/such/folder.zip"]);
    assert_eq!((code, error.contains("no/such/folder.zip: cannot be written")), (Some(1), true), "{error}");
    let left = ["bootstrap.zip", "handler", "handler.zip", "out.zip", "x86.yaml"];
    assert_eq!(names(project.0.path()), left, "no temporary file is left");
}

#[test]
fn a_package_that_lambda_could_not_run_is_refused() {
    let arm = program(Arm64, b"rest");
    let alone = |program: &[u8]| bootstrap(program);
    let with = |names: &[&str]| {
        let files: Vec<_> = names.iter().map(|name| (*name, &arm[..])).collect();
        zip(&files, &PLAIN)
    };
    // Replaces bytes at an offset of the central header.
    let patched = |at: usize, value: &[u8]| {
        let mut zip = bootstrap(&arm);
        let central = zip.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
        zip[central + at..central + at + value.len()].copy_from_slice(value);
        zip
    };
    let large = u32::try_from(UNZIPPED).unwrap().to_le_bytes();
    let just = u32::try_from(UNZIPPED - 1).unwrap().to_le_bytes();
    for (what, zip, says) in [
        ("nothing", Vec::new(), "this is not a zip archive"),
        ("a text", b"not a zip".to_vec(), "this is not a zip archive"),
        (
            "the other architecture's program",
            program(X86_64, b""),
            "the package is for x86_64, but rotation.yaml says arm64",
        ),
        ("an empty archive", zip(&[], &PLAIN), "it has no file bootstrap, which Lambda starts: the archive is empty"),
        ("another name", with(&["handler"]), "no file bootstrap, which Lambda starts: the archive has \"handler\";"),
        ("a folder around it", with(&["lambda/bootstrap"]), "the archive has \"lambda/bootstrap\""),
        ("a name for the terminal", with(&["a\x1b[2J\n"]), r#"the archive has "a\u{1b}[2J\n""#),
        ("another file too", with(&["README", "bootstrap"]), "it has other files than bootstrap: \"README\"; remove"),
        ("many other files", with(&["bootstrap", "a", "b", "c", "d", "e", "f"]), "\"c\", \"d\", and 2 more"),
        ("two of them", with(&["bootstrap", "bootstrap"]), "it has other files than bootstrap: \"bootstrap\""),
        ("encrypted", patched(8, &[1]), "its bootstrap cannot be unpacked: it is encrypted"),
        ("another method", patched(10, &[14]), "its bootstrap cannot be unpacked: "),
        ("another checksum", patched(16, &[1, 2, 3, 4]), "its bootstrap cannot be unpacked: "),
        ("too large", patched(24, &large), "unpacked, it must be smaller than 262144000 bytes"),
        ("nearly too large", patched(24, &just), "its bootstrap cannot be unpacked: "),
        ("empty", alone(b""), "its bootstrap is not an ELF program: it begins with []"),
        ("a script", alone(b"#!/bin/sh\nexit\n"), "its bootstrap is a script, but Lambda needs an ELF program"),
        (
            "a program for a Mac",
            alone(&[0xcf, 0xfa, 0xed, 0xfe, 7]),
            "it begins with [cf, fa, ed, fe]; create a package with `make build`",
        ),
        ("a part of a header", alone(&arm[..19]), "is a damaged ELF file: its 19 bytes are too few for the header"),
        ("32 bits", alone(&elf(1, 1, 2, 40, b"")), "its bootstrap is a 32-bit program"),
        ("an object file", alone(&elf(2, 1, 1, 183, b"")), "not an executable: its type is 1"),
        ("another processor", alone(&elf(2, 1, 2, 243, b"")), "another processor, ELF machine 243"),
        ("big-endian", alone(&elf(2, 2, 2, 62, b"")), "another processor, ELF machine 62"),
        ("big-endian, arm64", alone(&elf(2, 2, 2, 183, b"")), "another processor, ELF machine 183"),
        (
            "the other architecture",
            alone(&program(X86_64, b"")),
            "the package is for x86_64, but rotation.yaml says arm64: build it with `make build ARCH=arm64`, or set \
             `architecture: x86_64`",
        ),
    ] {
        let project = Project::new(&zip);
        let (code, out, error) = project.package(&["bootstrap.zip"]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{what}: {error}");
        let words = words(&error);
        assert!(words.starts_with("error: bootstrap.zip: ") && words.contains(says), "{what}: {error}");
        assert!(!error.contains('\x1b'), "{what}: {error:?}");
        assert_eq!(fs::read(project.file("bootstrap.zip")).unwrap(), zip, "{what}: the file is unchanged");
    }
    let project = Project::new(&alone(&arm));
    for (arguments, says) in [
        (&["bootstrap.zip", "--config", "x86.yaml"][..], "the package is for arm64, but x86.yaml says x86_64"),
        (&["bootstrap.zip", "--architecture", "x86_64"], "but --architecture says x86_64"),
        (&["nowhere.zip"], "nowhere.zip: cannot be read"),
        (&["bootstrap.zip", "--config", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (&["bootstrap.zip", "--architecture", "mips"], "mips"),
    ] {
        let (code, _, error) = project.package(arguments);
        assert_eq!((code, error.contains(says)), (Some(2), true), "{arguments:?}: {error}");
    }
}

/// Programs of a real compiler: zig, which `make setup` installs to build the handler.
#[test]
fn the_processor_of_real_programs_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("program.c");
    fs::write(&source, "void _start(void) { for (;;) {} }\n").unwrap();
    for (target, is, is_not) in [("aarch64", Arm64, X86_64), ("x86_64", X86_64, Arm64)] {
        let program = folder.path().join(target);
        let zig = Command::new(tool("python"))
            .args(["-m", "ziglang", "cc", "-nostdlib", "-static", "-target", &format!("{target}-linux-musl"), "-o"])
            .args([&program, &source])
            .env("ZIG_GLOBAL_CACHE_DIR", folder.path())
            .output()
            .unwrap();
        assert!(zig.status.success(), "{}", String::from_utf8_lossy(&zig.stderr));
        let zip = bootstrap(&fs::read(program).unwrap());
        assert_eq!(Package::read(&zip, is, "").unwrap().architecture(), is);
        let refused = Package::read(&zip, is_not, "rotation.yaml").unwrap_err().to_string();
        assert!(
            refused.starts_with(&format!("the package is for {}, but rotation.yaml says", is.as_str())),
            "{refused}"
        );
    }
}

/// A C program for a processor, linked against this version of the C library.
fn compiled(folder: &Path, target: &str, code: &str) -> Vec<u8> {
    let (source, program) = (folder.join("main.c"), folder.join("main"));
    fs::write(&source, code).unwrap();
    // zig has every version of the C library. What it builds of one is kept, because that takes seconds.
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("zig");
    let mut zig = Command::new(tool("python"));
    zig.args(["-m", "ziglang", "cc", "-target", target, "-o"]).arg(&program).arg(&source);
    let output = zig.env("ZIG_GLOBAL_CACHE_DIR", &cache).env("ZIG_LOCAL_CACHE_DIR", &cache).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(program).unwrap()
}

/// The symbol is new in 2.36; provided.al2023 has 2.34.
#[test]
fn a_program_that_needs_a_newer_c_library_is_refused() {
    let newer = "#include <stdlib.h>\nint main(void) { return arc4random() == 1; }\n";
    let older = "#include <stdlib.h>\nint main(void) { return rand() == 1; }\n";
    let folder = tempfile::tempdir().unwrap();
    for (target, code, needs) in [
        (
            "x86_64-linux-gnu.2.38",
            newer,
            Some("needs GLIBC_2.36 of the C library for arc4random, but provided.al2023 has glibc 2.34"),
        ),
        ("aarch64-linux-gnu.2.34", older, None),
    ] {
        let architecture = if target.starts_with("aarch64") { Arm64 } else { X86_64 };
        let program = compiled(folder.path(), target, code);
        let checked = Package::read(&bootstrap(&program), architecture, "").unwrap().check_c_library();
        match needs {
            None => assert_eq!(checked, Ok(()), "{target}"),
            Some(needs) => assert!(checked.unwrap_err().to_string().contains(needs), "{target}"),
        }
        // The same tables with another version. No table is cut off within bounds, and nothing panics.
        let (found, made) = (b"GLIBC_2.34\0", b"GLIBC_9.99\0");
        if let Some(at) = program.windows(found.len()).position(|bytes| bytes == found) {
            let mut crafted = program.clone();
            crafted[at..at + made.len()].copy_from_slice(made);
            let refused = Package::read(&bootstrap(&crafted), architecture, "").unwrap().check_c_library();
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("needs GLIBC_9.99 of the C library for __libc_start_main"), "{error}");
            for length in (64..crafted.len()).step_by(crafted.len() / 50 + 1) {
                let _ = Package::read(&bootstrap(&crafted[..length]), architecture, "");
            }
        }
    }
    let program = compiled(folder.path(), "x86_64-linux-gnu.2.38", newer);
    fs::write(folder.path().join("bootstrap"), program).unwrap();
    let package = |option: &[&str]| {
        let output = synth(folder.path(), &[&["package", "--architecture", "x86_64", "bootstrap"], option].concat());
        (output.status.code(), words(&String::from_utf8(output.stderr).unwrap()))
    };
    let (code, error) = package(&[]);
    assert_eq!((code, folder.path().join("bootstrap.zip").exists()), (Some(2), false), "{error}");
    assert!(
        error.starts_with("error: bootstrap: its bootstrap needs GLIBC_2.36 of the C library for arc4random"),
        "{error}"
    );
    assert_eq!(package(&["--any-c-library"]).0, Some(0));
}

/// The words of a message, whatever its lines.
fn words(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
