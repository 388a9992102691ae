//! The document with a new key, which its owner gets by every kind of delivery, and the id under which it is stored.

use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    model::{
        access_key::{AccessKeyId, SecretAccessKey},
        user::UserName,
    },
    protocol::call_error::{CallError, ErrorCode},
};

/// The bytes to reserve, more than the longest document has.
const ROOM: usize = 1_024;

/// The fields that `credential_process` of the AWS CLI and SDKs reads, and the name of the user.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    user_name: &'a str,
}

/// The document as JSON on one line. It is wiped when it is dropped.
///
/// # Errors
/// A [`CallError`] without effect if the document cannot be written as JSON.
pub fn document(user: &UserName, key: &AccessKeyId, secret: &SecretAccessKey) -> Result<Zeroizing<String>, CallError> {
    let document = Document {
        version: 1,
        access_key_id: key.as_str(),
        secret_access_key: secret.expose(),
        user_name: user.as_str(),
    };
    let failed = |message: String| CallError::without_effect(ErrorCode::NotSerialized, message);
    // Reserve room for the whole text: if it had to move, it would leave a copy that is not wiped.
    let mut text = Vec::with_capacity(ROOM);
    serde_json::to_writer(&mut text, &document).map_err(|e| failed(e.to_string()))?;
    String::from_utf8(text).map(Zeroizing::new).map_err(|_| failed("it is not UTF-8".into()))
}

/// The id of the secret's version with a key: 32 to 64 characters (Secrets Manager API Reference, "PutSecretValue":
/// ClientRequestToken). It is derived from the key id, so that a key that is stored twice makes one version.
#[must_use]
pub fn version_id(key: &AccessKeyId) -> String {
    format!("{:->32.64}", key.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_document_fits_into_the_reserved_room() {
        let (user, key) = ("u".repeat(64).parse().unwrap(), "K".repeat(128).parse().unwrap());
        let secret = SecretAccessKey::new("s".repeat(128));
        let text = document(&user, &key, &secret).unwrap();
        assert!(text.len() <= ROOM, "{}", text.len());
        assert!(text.starts_with("{\"Version\":1,\"AccessKeyId\":\"K"), "the form that credential_process reads");
    }

    #[test]
    fn a_version_id_has_an_accepted_length_and_names_its_key() {
        for length in [16, 20, 32, 64, 128] {
            let id = version_id(&"A".repeat(length).parse().unwrap());
            assert!((32..=64).contains(&id.len()), "{id}");
        }
        assert_eq!(version_id(&"AKIAEXAMPLE000000001".parse().unwrap()), "------------AKIAEXAMPLE000000001");
    }
}
