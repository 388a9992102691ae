//! Adapter for Secrets Manager: lists secrets, without their values.

use lambda::model::time::Timestamp;
use serde_json::{Value as Json, json};

use super::{
    AwsError, Session,
    rest::{AwsService, SignedRequest},
};
use crate::deploy::former_users::ListedSecret;

impl Session {
    /// All secrets of the Region whose names begin with `prefix`. It leaves out the secrets that are scheduled for
    /// deletion and the replicas of another Region's secrets.
    ///
    /// # Errors
    /// [`AwsError`] if a page of the list cannot be read.
    pub async fn secrets(&self, prefix: &str) -> Result<Vec<ListedSecret>, AwsError> {
        let (mut all, mut next) = (Vec::new(), None);
        loop {
            let mut body = json!({ "Filters": [{ "Key": "name", "Values": [prefix] }], "MaxResults": 100 });
            if let Some(token) = next {
                body["NextToken"] = token;
            }
            let request = SignedRequest {
                service: AwsService::SecretsManager,
                method: "POST",
                path: "/".to_owned(),
                headers: vec![
                    ("content-type", "application/x-amz-json-1.1".into()),
                    ("x-amz-target", "secretsmanager.ListSecrets".into()),
                ],
                body: body.to_string().into_bytes(),
            };
            let (retry, timeouts) = self.limits();
            let reply = self.send(request, &retry, timeouts).await;
            let reply = reply.map_err(|e| AwsError::of("list the secrets (secretsmanager:ListSecrets)", &e))?;
            let answer: Json = serde_json::from_slice(&reply.body).unwrap_or_default();
            all.extend(read(&answer, &self.region)?);
            match &answer["NextToken"] {
                Json::String(token) if !token.is_empty() => next = Some(Json::from(token.as_str())),
                _ => return Ok(all),
            }
        }
    }
}

/// Reads a page of ListSecrets.
fn read(answer: &Json, region: &str) -> Result<Vec<ListedSecret>, AwsError> {
    let missing = |what| AwsError::incomplete("ListSecrets", what);
    let page = answer["SecretList"].as_array().ok_or_else(|| missing("list of secrets"))?;
    let is_own = |secret: &&Json| secret["PrimaryRegion"].as_str().is_none_or(|primary| primary == region);
    let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
    let secret = |secret: &Json| {
        let tags = secret["Tags"].as_array().map(Vec::as_slice).unwrap_or_default();
        // Times are Unix seconds with a fraction (Smithy, "timestampFormat trait": the default of JSON protocols).
        #[allow(clippy::cast_possible_truncation)] // The order of changes needs no fractions.
        let changed = secret["LastChangedDate"].as_f64().map(|seconds| Timestamp::from_unix(seconds.floor() as i64));
        Ok(ListedSecret {
            name: secret["Name"].as_str().ok_or_else(|| missing("name of a secret"))?.to_owned(),
            tags: tags.iter().map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect(),
            changed,
        })
    };
    page.iter().filter(is_own).map(secret).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_response_of_list_secrets_is_read() {
        let secret = |name: &str, region: Json| {
            json!({
                "Name": name,
                "LastChangedDate": 1_700_000_000.9,
                "PrimaryRegion": region,
                "Tags": [{ "Key": "a", "Value": "b" }],
            })
        };
        let page = json!({ "SecretList": [
            secret("own", json!(null)),
            secret("replicated", json!("eu-west-1")),
            secret("replica", json!("us-east-1")),
            { "Name": "bare" },
        ] });
        let full = |name: &str| ListedSecret {
            name: name.into(),
            tags: vec![("a".into(), "b".into())],
            changed: Some(Timestamp::from_unix(1_700_000_000)),
        };
        let bare = ListedSecret { name: "bare".into(), tags: Vec::new(), changed: None };
        assert_eq!(read(&page, "eu-west-1"), Ok(vec![full("own"), full("replicated"), bare]));
        assert_eq!(read(&json!({ "SecretList": [] }), "eu-west-1"), Ok(Vec::new()));
        for wrong in [json!(null), json!({}), json!({ "SecretList": [{}] })] {
            assert!(read(&wrong, "eu-west-1").is_err(), "{wrong}");
        }
    }
}
