//! `synth generate`: writes the project's generated files. It does not touch a file that is up to date.

use crate::cmd::{CommandError, generated_files};

pub(super) fn run() -> Result<(), CommandError> {
    // All texts are generated before the first file is written, so that an error writes nothing.
    for document in generated_files::documents()? {
        let path = &document.path;
        if std::fs::read_to_string(path).is_ok_and(|text| text == document.text) {
            continue;
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(path, &document.text))
            .map_err(|e| CommandError::failure(format!("{}: cannot be written: {e}", path.display())))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}
