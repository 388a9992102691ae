//! `synth schema`: prints the JSON Schema of rotation.yaml.

use super::{CommandError, print};
use crate::config;

pub(super) fn run() -> Result<(), CommandError> {
    print(&format!("{:#}\n", config::schema()))
}
