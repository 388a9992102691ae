//! Adapter for S3: the artifact bucket, which packages are deployed from.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use sha2::{Digest as _, Sha256};

use super::{
    AwsError, Session,
    rest::{AwsService, Reply, ServiceError, SignedRequest},
};

/// The artifact bucket, reached with the credentials of a session.
#[derive(Debug)]
pub struct Bucket {
    session: Session,
    /// The name of the bucket.
    pub name: String,
    /// The account that must own the bucket. Another account may have created a bucket with a name that can be guessed.
    owner: Option<String>,
}

/// What exists under the name of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A bucket in this Region.
    Bucket,
    /// No bucket has this name.
    Nothing,
    /// A bucket in another Region, with the code of the Region if AWS returns it.
    Elsewhere(Option<String>),
}

impl Bucket {
    /// A bucket that must belong to the session's account.
    #[must_use]
    pub fn of_account(session: &Session, name: String) -> Self {
        Self { session: session.clone(), name, owner: Some(session.account.clone()) }
    }

    /// A bucket that the user named. It may belong to any account.
    #[must_use]
    pub fn named(session: &Session, name: String) -> Self {
        Self { session: session.clone(), name, owner: None }
    }

    /// Finds out what exists under the name of the bucket.
    ///
    /// # Errors
    /// [`AwsError`] if AWS does not answer. For a bucket of another account it is [`AwsError::BucketDenied`].
    pub async fn find(&self) -> Result<Found, AwsError> {
        match self.send("HEAD", None, Vec::new()).await {
            Ok(_) => Ok(Found::Bucket),
            Err(e) => match status(&e) {
                Some(404) => Ok(Found::Nothing),
                Some(301) => {
                    let region = e.raw_response().and_then(|response| response.headers().get("x-amz-bucket-region"));
                    Ok(Found::Elsewhere(region.map(str::to_owned)))
                }
                _ => Err(self.failure(&format!("look at the bucket {}", self.name), "s3:ListBucket", &e)),
            },
        }
    }

    /// Whether the bucket contains an object with this key.
    ///
    /// # Errors
    /// [`AwsError`] if AWS does not answer.
    pub async fn has(&self, key: &str) -> Result<bool, AwsError> {
        match self.send("HEAD", Some(key), Vec::new()).await {
            Ok(_) => Ok(true),
            Err(e) if status(&e) == Some(404) => Ok(false),
            // Without s3:ListBucket, S3 refuses to say that an object does not exist.
            Err(e) => {
                let doing = format!("look for {key} in the bucket {}", self.name);
                Err(self.failure(&doing, "s3:GetObject, s3:ListBucket", &e))
            }
        }
    }

    /// Uploads an object to the bucket.
    ///
    /// # Errors
    /// [`AwsError`] if AWS refuses the upload.
    pub async fn put(&self, key: &str, content: Vec<u8>) -> Result<(), AwsError> {
        let put = self.send("PUT", Some(key), content).await;
        put.map_err(|e| self.failure(&format!("put {key} into the bucket {}", self.name), "s3:PutObject", &e))?;
        Ok(())
    }

    /// The error of a call that needs these actions.
    fn failure(&self, doing: &str, actions: &'static str, error: &SdkError<ServiceError, HttpResponse>) -> AwsError {
        match AwsError::of(doing, error) {
            AwsError::Denied { message, .. } => AwsError::BucketDenied {
                identity: self.session.identity.clone(),
                bucket: self.name.clone(),
                actions,
                message,
            },
            other => other,
        }
    }

    /// Sends a request about the bucket or one of its objects. The name of the bucket is in the path, which works in
    /// every partition and with dots in the name.
    async fn send(
        &self,
        method: &'static str,
        key: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Reply, SdkError<ServiceError, HttpResponse>> {
        let path = key.map_or_else(|| format!("/{}", self.name), |key| format!("/{}/{key}", self.name));
        let owner = self.owner.iter().map(|owner| ("x-amz-expected-bucket-owner", owner.clone()));
        let mut headers: Vec<_> = owner.collect();
        if !body.is_empty() {
            // A bucket with a default retention refuses an upload without a checksum.
            headers.push(("x-amz-sdk-checksum-algorithm", "SHA256".into()));
            headers.push(("x-amz-checksum-sha256", aws_smithy_types::base64::encode(Sha256::digest(&body))));
        }
        let request = SignedRequest { service: AwsService::S3, method, path, headers, body };
        let (retry, timeouts) = self.session.limits();
        self.session.send(request, &retry, timeouts).await
    }
}

fn status(error: &SdkError<ServiceError, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}
