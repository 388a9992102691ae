//! `synth list`: lists the project's generated files and their sources.

use crate::cmd::{CommandError, generated_files, print};

pub(super) fn run() -> Result<(), CommandError> {
    let line =
        |document: &generated_files::GeneratedFile| format!("{}\tfrom {}\n", document.path.display(), document.from);
    print(&generated_files::documents()?.iter().map(line).collect::<String>())
}
