//! A new key as its owner gets it, whichever way it comes.

use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    model::{
        access_key::{AccessKeyId, SecretAccessKey},
        user::UserName,
    },
    protocol::call::{Effect, Failure},
};

/// More than the longest document has, in bytes.
const ROOM: usize = 1_024;

/// The form that `credential_process` of the AWS CLI and SDKs takes, and whose key it is.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    user_name: &'a str,
}

/// The document, on one line.
///
/// # Errors
/// A [`Failure`] without effect if it cannot be written as JSON.
pub fn document(user: &UserName, key: &AccessKeyId, secret: &SecretAccessKey) -> Result<Zeroizing<String>, Failure> {
    let document = Document {
        version: 1,
        access_key_id: key.as_str(),
        secret_access_key: secret.expose(),
        user_name: user.as_str(),
    };
    let failed = |message: String| Failure { effect: Effect::None, code: "NotSerialized".into(), message };
    // Room for all of it: a text that has to move leaves a copy behind that nobody wipes.
    let mut text = Vec::with_capacity(ROOM);
    serde_json::to_writer(&mut text, &document).map_err(|e| failed(e.to_string()))?;
    String::from_utf8(text).map(Zeroizing::new).map_err(|_| failed("it is not UTF-8".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_document_has_room() {
        let (user, key) = ("u".repeat(64).parse().unwrap(), "K".repeat(128).parse().unwrap());
        let secret = SecretAccessKey::new("s".repeat(128));
        let text = document(&user, &key, &secret).unwrap();
        assert!(text.len() <= ROOM, "{}", text.len());
        assert!(text.starts_with("{\"Version\":1,\"AccessKeyId\":\"K"), "as credential_process takes it");
    }
}
