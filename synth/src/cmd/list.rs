//! `synth list`: the project's generated files.

use super::{Stop, print, project};

pub(super) fn run() -> Result<(), Stop> {
    let line = |document: &project::Document| format!("{}\tfrom {}\n", document.path.display(), document.from);
    print(&project::documents()?.iter().map(line).collect::<String>())
}
