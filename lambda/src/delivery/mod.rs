//! How a new key reaches its owner: the document, its encryption, and who may read the secret.

#[cfg(feature = "aws")]
pub mod encryption;
pub mod key_document;
pub mod public_key;
pub mod secret_policy;
