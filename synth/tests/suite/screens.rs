//! The golden files of what commands print for people.

use synth::screen::WIDTH;

use crate::common::{read, root};

/// These show the reader's own file, whose lines are not broken.
const WITH_SOURCES: [&str; 2] = ["bad.txt", "mistakes.txt"];

/// Whether the line is copied: a command, or a line with an ARN.
fn is_copied(line: &str) -> bool {
    let command = line.trim_start();
    line.contains("arn:") || ["make ", "aws ", "synth "].iter().any(|program| command.starts_with(program))
}

#[test]
fn no_line_of_a_screen_is_too_wide() {
    let mut count = 0;
    for entry in std::fs::read_dir(root().join("synth/tests/golden")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if std::path::Path::new(&name).extension().is_none_or(|kind| kind != "txt")
            || WITH_SOURCES.contains(&name.as_str())
        {
            continue;
        }
        let text = read(&format!("synth/tests/golden/{name}"));
        for line in text.lines().filter(|line| !is_copied(line)) {
            assert!(line.chars().count() <= WIDTH, "{name}: {} columns: {line}", line.chars().count());
        }
        count += 1;
    }
    assert!(count >= 20, "{count} screens");
}
