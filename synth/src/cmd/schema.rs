//! `synth schema`: the JSON Schema of rotation.yaml.

use super::{Stop, print};
use crate::config;

pub(super) fn run() -> Result<(), Stop> {
    print(&format!("{:#}\n", config::schema()))
}
