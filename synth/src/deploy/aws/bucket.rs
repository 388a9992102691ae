//! Adapter for S3: the artifact bucket, which packages are deployed from.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};

use super::{
    AwsError, Session,
    rest::{AwsService, Reply, ServiceError, SignedRequest},
};
use crate::package::Sha256Digest;

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

/// The version of an object. Its content never changes; another upload under the same key makes another version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectVersion(String);

impl ObjectVersion {
    /// The id that S3 gave to the version.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The version that a response names. `None` in a bucket without versions. An object that is older than the versions of
    /// its bucket has the version `null`, which the next upload overwrites.
    fn of(reply: &Reply) -> Option<Self> {
        reply.header("x-amz-version-id").filter(|id| *id != "null").map(|id| Self(id.to_owned()))
    }
}

/// What a bucket has under the key of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredObject {
    /// The object. S3 confirms its content by the SHA-256.
    Same(ObjectVersion),
    /// Something that S3 does not confirm: other bytes, no SHA-256, or no version.
    Unconfirmed,
    /// Nothing.
    Missing,
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
        match self.send("HEAD", None, Vec::new(), Vec::new()).await {
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

    /// What the bucket has under this key, compared with the content that has this digest. The key proves nothing: a person
    /// who may write to the bucket chooses it.
    ///
    /// # Errors
    /// [`AwsError`] if AWS does not answer.
    pub async fn stored(&self, key: &str, digest: Sha256Digest) -> Result<StoredObject, AwsError> {
        match self.send("HEAD", Some(key), vec![("x-amz-checksum-mode", "ENABLED".into())], Vec::new()).await {
            Ok(reply) => {
                let is_same = reply.header(CHECKSUM) == Some(&checksum(digest));
                let version = ObjectVersion::of(&reply).filter(|_| is_same);
                Ok(version.map_or(StoredObject::Unconfirmed, StoredObject::Same))
            }
            Err(e) if status(&e) == Some(404) => Ok(StoredObject::Missing),
            // Without s3:ListBucket, S3 refuses to say that an object does not exist.
            Err(e) => {
                let doing = format!("look for {key} in the bucket {}", self.name);
                Err(self.failure(&doing, "s3:GetObject, s3:ListBucket", &e))
            }
        }
    }

    /// Uploads an object to the bucket. S3 refuses content with another digest. Returns the new version; `None` if the bucket
    /// has no versions.
    ///
    /// # Errors
    /// [`AwsError`] if AWS refuses the upload.
    pub async fn put(
        &self,
        key: &str,
        digest: Sha256Digest,
        content: Vec<u8>,
    ) -> Result<Option<ObjectVersion>, AwsError> {
        // A bucket with a default retention refuses an upload without a checksum.
        let headers = vec![("x-amz-sdk-checksum-algorithm", "SHA256".into()), (CHECKSUM, checksum(digest))];
        let put = self.send("PUT", Some(key), headers, content).await;
        let doing = || format!("put {key} into the bucket {}", self.name);
        put.map(|reply| ObjectVersion::of(&reply)).map_err(|e| self.failure(&doing(), "s3:PutObject", &e))
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
        mut headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Result<Reply, SdkError<ServiceError, HttpResponse>> {
        let path = key.map_or_else(|| format!("/{}", self.name), |key| format!("/{}/{key}", self.name));
        headers.extend(self.owner.iter().map(|owner| ("x-amz-expected-bucket-owner", owner.clone())));
        let request = SignedRequest { service: AwsService::S3, method, path, headers, body };
        let (retry, timeouts) = self.session.limits();
        self.session.send(request, &retry, timeouts).await
    }
}

/// The header with the SHA-256 of an object. For an upload in parts, S3 adds a hyphen and a number, so it equals no checksum.
const CHECKSUM: &str = "x-amz-checksum-sha256";

/// A digest as S3 writes it.
fn checksum(digest: Sha256Digest) -> String {
    aws_smithy_types::base64::encode(digest.as_bytes())
}

fn status(error: &SdkError<ServiceError, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}
