//! A text, encrypted to public keys by age, in ASCII armor: lines that come through a mail as they are.

use std::io::{self, Write};

use age::{
    EncryptError, Encryptor,
    armor::{ArmoredWriter, Format},
    ssh, x25519,
};

use crate::delivery::public_key::{Kind, Recipient};

/// Why nothing was encrypted. It says nothing of the text.
///
/// age's own words are left alone: they would bring its translations into the function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotEncrypted {
    /// Nobody could open it.
    #[error("there is nobody to encrypt to; set encrypt_to, and generate and deploy the template again")]
    NoRecipient,
    /// age has its own opinion of a key.
    #[error("age does not take the key {0}; put another into encrypt_to, and generate and deploy the template again")]
    BadKey(Recipient),
    /// It failed under way.
    #[error("age could not encrypt: {0}")]
    Failed(io::ErrorKind),
}

/// Encrypts the text to all recipients, each of whom can open it alone.
///
/// # Errors
/// [`NotEncrypted`].
pub fn encrypt(text: &str, recipients: &[Recipient]) -> Result<String, NotEncrypted> {
    let keys = recipients.iter().map(age_key).collect::<Result<Vec<_>, _>>()?;
    let encryptor = Encryptor::with_recipients(keys.iter().map(AsRef::as_ref)).map_err(|why| match why {
        EncryptError::MissingRecipients => NotEncrypted::NoRecipient,
        _ => NotEncrypted::Failed(io::ErrorKind::Other),
    })?;
    let armored = write(encryptor, text).map_err(|e| NotEncrypted::Failed(e.kind()))?;
    String::from_utf8(armored).map_err(|_| NotEncrypted::Failed(io::ErrorKind::InvalidData))
}

fn write(encryptor: Encryptor, text: &str) -> io::Result<Vec<u8>> {
    let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armor)?;
    writer.write_all(text.as_bytes())?;
    writer.finish()?.finish()
}

fn age_key(recipient: &Recipient) -> Result<Box<dyn age::Recipient>, NotEncrypted> {
    let text = recipient.as_str();
    let key: Option<Box<dyn age::Recipient>> = match recipient.kind() {
        Kind::X25519 => text.parse::<x25519::Recipient>().ok().map(|key| Box::new(key) as _),
        Kind::SshEd25519 | Kind::SshRsa => text.parse::<ssh::Recipient>().ok().map(|key| Box::new(key) as _),
    };
    key.ok_or_else(|| NotEncrypted::BadKey(recipient.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::public_key::tests::{extreme_keys, one_of_each};

    /// The limits are age's own: it takes whatever a configuration may name.
    #[test]
    fn age_takes_every_key_that_the_configuration_may_name() {
        for recipient in one_of_each().into_iter().chain(extreme_keys()) {
            assert!(encrypt("a secret made for this test", std::slice::from_ref(&recipient)).is_ok(), "{recipient}");
        }
    }

    #[test]
    fn without_a_recipient_nothing_is_encrypted() {
        assert_eq!(encrypt("a secret made for this test", &[]), Err(NotEncrypted::NoRecipient));
    }
}
