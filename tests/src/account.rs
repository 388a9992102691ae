//! Users and their keys in the local AWS.

use lambda::protocol::journal::JournalEntry;
use serde_json::Value as Json;

use crate::LocalAws;

/// The account's users and secrets, with the administrator's permissions.
#[derive(Debug)]
pub struct Account {
    iam: aws_sdk_iam::Client,
    secrets: aws_sdk_secretsmanager::Client,
}

/// An access key with its secret, as its user has it.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnedKey {
    /// The id of the access key.
    pub id: String,
    /// The secret. The emulator created it, so it works nowhere else.
    pub secret: String,
}

impl std::fmt::Debug for OwnedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnedKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A key as IAM lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    /// The id of the access key.
    pub id: String,
    /// Whether the key is active.
    pub active: bool,
    /// The time of its creation, in seconds since 1970.
    pub created: i64,
}

/// Makes a call that must succeed. Panics if the emulator refuses it, because tests and the demo cannot continue.
macro_rules! must {
    ($call:expr) => {
        $call.send().await.unwrap_or_else(|e| panic!("{}: {e:?}", stringify!($call)))
    };
}

#[allow(missing_docs, clippy::missing_panics_doc)] // Each method does what its name says, and panics if the emulator refuses it.
impl Account {
    pub async fn of(aws: &LocalAws) -> Self {
        Self::with_number(aws, crate::local_aws::ACCOUNT).await
    }

    pub async fn with_number(aws: &LocalAws, number: &str) -> Self {
        let config = aws.root_of(number).await;
        Self { iam: aws_sdk_iam::Client::new(&config), secrets: aws_sdk_secretsmanager::Client::new(&config) }
    }

    /// Creates a user without permissions. `/ci/deployer` is a user with a path.
    pub async fn create_user(&self, user: &str) {
        let (path, name) = user.rfind('/').map_or(("/", user), |slash| user.split_at(slash + 1));
        must!(self.iam.create_user().user_name(name).path(path));
    }

    /// Deletes a user and its keys.
    pub async fn delete_user(&self, name: &str) {
        for key in self.keys(name).await {
            must!(self.iam.delete_access_key().user_name(name).access_key_id(&key.id));
        }
        must!(self.iam.delete_user().user_name(name));
    }

    /// Deletes a secret at once, without a recovery window. Does nothing if it does not exist.
    pub async fn delete_secret(&self, name: &str) {
        let _ = self.secrets.delete_secret().secret_id(name).force_delete_without_recovery(true).send().await;
    }

    /// Schedules a secret for deletion, as a person does in the console.
    pub async fn schedule_deletion(&self, name: &str) {
        must!(self.secrets.delete_secret().secret_id(name).recovery_window_in_days(7));
    }

    /// The inline policy of the role with this text in its name: the name of the role, the name of the policy, the
    /// document.
    pub async fn inline_policy(&self, role: &str) -> (String, String, Json) {
        let roles = must!(self.iam.list_roles()).roles;
        let role = roles.into_iter().map(|r| r.role_name).find(|name| name.contains(role)).expect("the role");
        let policies = must!(self.iam.list_role_policies().role_name(&role)).policy_names;
        let [policy] = policies.as_slice() else { panic!("one policy: {policies:?}") };
        let document = must!(self.iam.get_role_policy().role_name(&role).policy_name(policy)).policy_document;
        let document = form_urlencoded::parse(format!("d={}", document.replace('+', "%2B")).as_bytes())
            .find_map(|(_, value)| serde_json::from_str(&value).ok());
        (role, policy.clone(), document.expect("a policy document"))
    }

    /// Replaces the document of a role's inline policy.
    pub async fn put_inline_policy(&self, role: &str, policy: &str, document: &Json) {
        must!(self.iam.put_role_policy().role_name(role).policy_name(policy).policy_document(document.to_string()));
    }

    /// Creates a key at the current time of the emulator's clock.
    pub async fn create_key(&self, user: &str) -> OwnedKey {
        let key = must!(self.iam.create_access_key().user_name(user)).access_key.expect("a key");
        OwnedKey { id: key.access_key_id, secret: key.secret_access_key }
    }

    pub async fn deactivate(&self, user: &str, key: &OwnedKey) {
        let inactive = aws_sdk_iam::types::StatusType::Inactive;
        must!(self.iam.update_access_key().user_name(user).access_key_id(&key.id).status(inactive));
    }

    /// Tags a user as an administrator would.
    pub async fn tag(&self, user: &str, key: &str, value: &str) {
        let tag = aws_sdk_iam::types::Tag::builder().key(key).value(value).build().expect("a tag");
        must!(self.iam.tag_user().user_name(user).tags(tag));
    }

    /// Creates a group with these members.
    pub async fn create_group(&self, group: &str, members: &[&str]) {
        must!(self.iam.create_group().group_name(group));
        for user in members {
            must!(self.iam.add_user_to_group().group_name(group).user_name(*user));
        }
    }

    /// Writes an entry to the journal, as an earlier run would have done.
    pub async fn write_journal(&self, user: &str, entry: &JournalEntry) {
        let (key, value) = entry.tag();
        self.tag(user, &key, &value).await;
    }

    /// The current tags of the journal.
    pub async fn journal(&self, user: &str) -> Vec<(String, String)> {
        let tags = must!(self.iam.list_user_tags().user_name(user)).tags;
        tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
    }

    /// The keys of a user, oldest first.
    pub async fn keys(&self, user: &str) -> Vec<ListedKey> {
        let listed = must!(self.iam.list_access_keys().user_name(user)).access_key_metadata;
        let mut keys: Vec<_> = listed
            .into_iter()
            .map(|key| ListedKey {
                id: key.access_key_id.expect("an id"),
                active: key.status.is_some_and(|status| status.as_str() == "Active"),
                created: key.create_date.expect("a time").secs(),
            })
            .collect();
        keys.sort_by_key(|key| key.created);
        keys
    }

    /// Creates a secret as another person may have done: with this KMS key, and with a policy that lets `reader` read
    /// it.
    pub async fn create_secret(&self, name: &str, kms_key: Option<&str>, reader: &str) {
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "AWS": reader },
                "Action": "secretsmanager:GetSecretValue",
                "Resource": "*",
            }],
        });
        must!(self.secrets.create_secret().name(name).set_kms_key_id(kms_key.map(str::to_owned)));
        must!(self.secrets.put_resource_policy().secret_id(name).resource_policy(policy.to_string()));
    }

    /// Encrypts a secret with another KMS key, as the run report recommends.
    pub async fn change_kms_key(&self, name: &str, kms_key: &str) {
        must!(self.secrets.update_secret().secret_id(name).kms_key_id(kms_key));
    }

    /// The tags of a secret, and the ids of its versions.
    pub async fn describe_secret(&self, name: &str) -> (Vec<(String, String)>, Vec<String>) {
        let secret = must!(self.secrets.describe_secret().secret_id(name));
        let text = |text: Option<String>| text.expect("a key and a value");
        let tags = secret.tags.unwrap_or_default().into_iter().map(|tag| (text(tag.key), text(tag.value)));
        (tags.collect(), secret.version_ids_to_stages.unwrap_or_default().into_keys().collect())
    }

    /// The resource policy of a secret.
    pub async fn secret_policy(&self, name: &str) -> Json {
        let policy = must!(self.secrets.get_resource_policy().secret_id(name)).resource_policy;
        serde_json::from_str(&policy.expect("a policy")).expect("JSON")
    }

    /// The current value of a secret, if there is one.
    pub async fn secret(&self, name: &str) -> Option<Json> {
        let value = self.secrets.get_secret_value().secret_id(name).send().await.ok()?;
        serde_json::from_str(&value.secret_string?).ok()
    }
}

impl OwnedKey {
    /// The key in a secret's value.
    #[must_use]
    pub fn from_secret(value: &Json) -> Option<Self> {
        let field = |name: &str| value[name].as_str().map(str::to_owned);
        Some(Self { id: field("AccessKeyId")?, secret: field("SecretAccessKey")? })
    }

    /// Reads a secret with this key.
    ///
    /// # Errors
    /// AWS's error code if the user may not read it.
    pub async fn read_secret(&self, aws: &LocalAws, name: &str) -> Result<Json, String> {
        let secrets = aws_sdk_secretsmanager::Client::new(&aws.with_key(&self.id, &self.secret).await);
        match secrets.get_secret_value().secret_id(name).send().await {
            Ok(value) => Ok(value.secret_string.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()),
            Err(e) => {
                Err(aws_sdk_secretsmanager::error::ProvideErrorMetadata::code(&e).unwrap_or("no answer").to_owned())
            }
        }
    }

    /// The ARN that AWS returns for the owner of this key.
    ///
    /// # Errors
    /// AWS's error code if it does not accept the key.
    pub async fn identity(&self, aws: &LocalAws) -> Result<String, String> {
        let sts = aws_sdk_sts::Client::new(&aws.with_key(&self.id, &self.secret).await);
        match sts.get_caller_identity().send().await {
            Ok(identity) => Ok(identity.arn.unwrap_or_default()),
            Err(e) => Err(aws_sdk_sts::error::ProvideErrorMetadata::code(&e).unwrap_or("no answer").to_owned()),
        }
    }
}
