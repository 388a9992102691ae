//! Values that are checked when they are made.

pub mod access_key;
pub mod account_id;
pub mod arn;
pub mod email;
pub mod kms_key;
pub mod parse_error;
pub mod principal;
pub mod time;
pub mod user;
pub mod user_config_error;
