//! Public keys without private keys, for tests.
#![allow(dead_code)] // Each test file uses its own part.

use base64::{Engine, prelude::BASE64_STANDARD};
use bech32::{Bech32, Hrp};

/// A public key of age. Two keys are the same only if their bytes are.
pub(crate) fn age(bytes: [u8; 31]) -> String {
    // This last byte avoids the few points that cannot be used as keys.
    let key = [&bytes[..], &[1]].concat();
    bech32::encode::<Bech32>(Hrp::parse("age").unwrap(), &key).unwrap()
}

/// An Ed25519 key for SSH: the base point of the curve.
pub(crate) fn ssh_ed25519() -> String {
    ssh("ssh-ed25519", &[&[&[0x58][..], &[0x66; 31]].concat()])
}

/// An RSA key for SSH with a modulus of this many bytes and the usual exponent.
pub(crate) fn ssh_rsa(bytes: usize) -> String {
    ssh_rsa_with(bytes, 0xff)
}

/// The same key with another last byte.
pub(crate) fn ssh_rsa_with(bytes: usize, last: u8) -> String {
    ssh("ssh-rsa", &[&[1, 0, 1], &[&[0][..], &vec![0xff; bytes - 1], &[last]].concat()])
}

/// SSH's encoding of a key: the kind and the fields, each after its length.
pub(crate) fn ssh(kind: &str, fields: &[&[u8]]) -> String {
    let field = |field: &[u8]| [&u32::try_from(field.len()).unwrap().to_be_bytes()[..], field].concat();
    let all: Vec<u8> = [kind.as_bytes()].iter().chain(fields).flat_map(|bytes| field(bytes)).collect();
    format!("{kind} {}", BASE64_STANDARD.encode(all))
}
