//! Encrypts a text to public keys with age, in ASCII armor: lines that a mail does not change.

use std::io::{self, Write};

use age::{
    EncryptError, Encryptor,
    armor::{ArmoredWriter, Format},
    ssh, x25519,
};

use crate::delivery::public_key::{PublicKeyKind, Recipient};

/// Why nothing was encrypted. It contains nothing of the text.
///
/// age's own error texts are not used: they would add its translations to the function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncryptionError {
    /// There is no public key, so no one could open the mail.
    #[error("there is no public key to encrypt to; set encrypt_to, generate the template again and deploy it")]
    NoRecipient,
    /// age refused this public key, although it was read as valid.
    #[error("age refuses the public key {0}; set another in encrypt_to, generate the template again and deploy it")]
    BadKey(Recipient),
    /// The encryption failed, for the reason given.
    #[error("age could not encrypt the mail: {0}")]
    Failed(io::ErrorKind),
}

/// Encrypts the text to all recipients. Each of them can open it without the others.
///
/// # Errors
/// [`EncryptionError`] if there is no public key, if age refuses one, or if the encryption fails.
pub fn encrypt(text: &str, recipients: &[Recipient]) -> Result<String, EncryptionError> {
    let keys = recipients.iter().map(age_key).collect::<Result<Vec<_>, _>>()?;
    let encryptor = Encryptor::with_recipients(keys.iter().map(AsRef::as_ref)).map_err(|why| match why {
        EncryptError::MissingRecipients => EncryptionError::NoRecipient,
        _ => EncryptionError::Failed(io::ErrorKind::Other),
    })?;
    let armored = write(encryptor, text).map_err(|e| EncryptionError::Failed(e.kind()))?;
    String::from_utf8(armored).map_err(|_| EncryptionError::Failed(io::ErrorKind::InvalidData))
}

fn write(encryptor: Encryptor, text: &str) -> io::Result<Vec<u8>> {
    let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armor)?;
    writer.write_all(text.as_bytes())?;
    writer.finish()?.finish()
}

fn age_key(recipient: &Recipient) -> Result<Box<dyn age::Recipient>, EncryptionError> {
    let text = recipient.as_str();
    let key: Option<Box<dyn age::Recipient>> = match recipient.kind() {
        PublicKeyKind::X25519 => text.parse::<x25519::Recipient>().ok().map(|key| Box::new(key) as _),
        PublicKeyKind::SshEd25519 | PublicKeyKind::SshRsa => {
            text.parse::<ssh::Recipient>().ok().map(|key| Box::new(key) as _)
        }
    };
    key.ok_or_else(|| EncryptionError::BadKey(recipient.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::public_key::tests::{extreme_keys, one_of_each};

    /// The limits are the same as age's: age accepts every key that a configuration may name.
    #[test]
    fn age_accepts_every_key_that_the_configuration_may_name() {
        for recipient in one_of_each().into_iter().chain(extreme_keys()) {
            assert!(encrypt("a secret made for this test", std::slice::from_ref(&recipient)).is_ok(), "{recipient}");
        }
    }

    #[test]
    fn without_a_recipient_nothing_is_encrypted() {
        assert_eq!(encrypt("a secret made for this test", &[]), Err(EncryptionError::NoRecipient));
    }
}
