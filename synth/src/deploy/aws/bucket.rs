//! S3: the bucket that packages are deployed from.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use sha2::{Digest as _, Sha256};

use super::{
    AwsError, Session,
    rest::{Refusal, Reply, Request, Service},
};

/// A bucket.
#[derive(Debug)]
pub struct Bucket {
    session: Session,
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
        Self { session: session.clone(), name, owner: Some(session.account.clone()) }
    }

    /// A bucket that somebody named, whosever it is.
    #[must_use]
    pub fn named(session: &Session, name: String) -> Self {
        Self { session: session.clone(), name, owner: None }
    }

    /// What there is under its name.
    ///
    /// # Errors
    /// [`AwsError`] if AWS does not say; a bucket of another account is [`AwsError::Denied`].
    pub async fn find(&self) -> Result<Found, AwsError> {
        match self.send("HEAD", None, Vec::new()).await {
            Ok(_) => Ok(Found::Bucket),
            Err(e) => match status(&e) {
                Some(404) => Ok(Found::Nothing),
                Some(301) => {
                    let region = e.raw_response().and_then(|response| response.headers().get("x-amz-bucket-region"));
                    Ok(Found::Elsewhere(region.map(str::to_owned)))
                }
                _ => Err(AwsError::of(&format!("look at the bucket {}", self.name), &e)),
            },
        }
    }

    /// Whether it holds an object.
    ///
    /// # Errors
    /// [`AwsError`] if AWS does not say.
    pub async fn has(&self, key: &str) -> Result<bool, AwsError> {
        match self.send("HEAD", Some(key), Vec::new()).await {
            Ok(_) => Ok(true),
            Err(e) if status(&e) == Some(404) => Ok(false),
            Err(e) => Err(AwsError::of(&format!("look for {key} in the bucket {}", self.name), &e)),
        }
    }

    /// Puts an object into it.
    ///
    /// # Errors
    /// [`AwsError`] if AWS refuses.
    pub async fn put(&self, key: &str, content: Vec<u8>) -> Result<(), AwsError> {
        let put = self.send("PUT", Some(key), content).await;
        put.map_err(|e| AwsError::of(&format!("put {key} into the bucket {}", self.name), &e))?;
        Ok(())
    }

    /// A request about the bucket or one of its objects. The bucket's name is in the path, which works in every partition
    /// and with names that have dots.
    async fn send(
        &self,
        method: &'static str,
        key: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Reply, SdkError<Refusal, HttpResponse>> {
        let path = key.map_or_else(|| format!("/{}", self.name), |key| format!("/{}/{key}", self.name));
        let owner = self.owner.iter().map(|owner| ("x-amz-expected-bucket-owner", owner.clone()));
        let mut headers: Vec<_> = owner.collect();
        if !body.is_empty() {
            // A bucket with a default retention takes nothing without a checksum.
            headers.push(("x-amz-sdk-checksum-algorithm", "SHA256".into()));
            headers.push(("x-amz-checksum-sha256", aws_smithy_types::base64::encode(Sha256::digest(&body))));
        }
        let request = Request { service: Service::S3, method, path, headers, body };
        let (retry, timeouts) = self.session.limits();
        self.session.send(request, &retry, timeouts).await
    }
}

fn status(error: &SdkError<Refusal, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}
