//! S3: the bucket that packages are deployed from.

use aws_sdk_s3::{Client, primitives::ByteStream};

use super::{Problem, Session};

/// A bucket.
#[derive(Debug)]
pub struct Bucket {
    client: Client,
    /// Its name.
    pub name: String,
    /// Whose it must be, if it must be somebody's: anybody may have made a bucket whose name can be guessed.
    owner: Option<String>,
}

/// What there is under a bucket's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The bucket.
    Bucket,
    /// Nothing.
    Nothing,
    /// A bucket in another Region, of which AWS tells the name where it does.
    Elsewhere(Option<String>),
}

impl Bucket {
    /// A bucket of the session's account.
    #[must_use]
    pub fn of_account(session: &Session, name: String) -> Self {
        Self { client: Client::new(&session.config), name, owner: Some(session.account.clone()) }
    }

    /// A bucket that somebody named, whosever it is.
    #[must_use]
    pub fn named(session: &Session, name: String) -> Self {
        Self { client: Client::new(&session.config), name, owner: None }
    }

    /// What there is under its name.
    ///
    /// # Errors
    /// [`Problem`] if AWS does not say; a bucket of another account is [`Problem::Denied`].
    pub async fn find(&self) -> Result<Found, Problem> {
        let looked = self.client.head_bucket().bucket(&self.name).set_expected_bucket_owner(self.owner.clone());
        match looked.send().await {
            Ok(_) => Ok(Found::Bucket),
            Err(e) => match e.raw_response().map(|response| response.status().as_u16()) {
                Some(404) => Ok(Found::Nothing),
                Some(301) => {
                    let region = e.raw_response().and_then(|response| response.headers().get("x-amz-bucket-region"));
                    Ok(Found::Elsewhere(region.map(str::to_owned)))
                }
                _ => Err(Problem::of(&format!("look at the bucket {}", self.name), &e)),
            },
        }
    }

    /// Whether it holds an object.
    ///
    /// # Errors
    /// [`Problem`] if AWS does not say.
    pub async fn has(&self, key: &str) -> Result<bool, Problem> {
        let looked = self.client.head_object().bucket(&self.name).key(key);
        match looked.set_expected_bucket_owner(self.owner.clone()).send().await {
            Ok(_) => Ok(true),
            Err(e) if e.raw_response().is_some_and(|response| response.status().as_u16() == 404) => Ok(false),
            Err(e) => Err(Problem::of(&format!("look for {key} in the bucket {}", self.name), &e)),
        }
    }

    /// Puts an object into it.
    ///
    /// # Errors
    /// [`Problem`] if AWS refuses.
    pub async fn put(&self, key: &str, content: Vec<u8>) -> Result<(), Problem> {
        let put = self.client.put_object().bucket(&self.name).key(key).body(ByteStream::from(content));
        let put = put.set_expected_bucket_owner(self.owner.clone()).send().await;
        put.map_err(|e| Problem::of(&format!("put {key} into the bucket {}", self.name), &e))?;
        Ok(())
    }
}
