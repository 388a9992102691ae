//! The handler's settings: its environment variables, declared once.
//!
//! The handler reads them here; `synth` writes them from the same type. A setting that nothing reads, or
//! one that nothing writes, cannot exist.

use std::str::FromStr;

use crate::{
    contract::{
        digest_frequency::Digest, language::Language, list_scope::ListScope, secret_prefix::SecretPrefix,
        selector::UserSelector, topic_arn::TopicArn, user_entry::UserEntry, user_tags::UserTags,
    },
    delivery::{
        public_key::{Recipient, Recipients},
        secret_policy::{self, Readers},
    },
    model::{
        email::Email,
        kms_key::KmsKey,
        parse_error::ParseError,
        principal::PrincipalArn,
        user::{User, UserName},
    },
    protocol::policy::{Delivery, Policy},
};

/// Everything that the handler is told about its task.
///
/// `Reference` is how the topic is named: [`TopicArn`] where the handler runs, a reference into the template where
/// `synth` writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings<Reference = TopicArn> {
    /// Whose keys are rotated, and what holds for some of them alone.
    pub users: Vec<UserEntry>,
    /// Whose are not, although `users` means them.
    pub exempt: Vec<UserSelector>,
    /// Whether tags on a user say what holds for it: see [`crate::contract::user_entry`].
    pub user_tags: UserTags,
    /// How.
    pub policy: Policy,
    /// What the mails are written in.
    pub language: Language,
    /// Whether a run is summed up for the administrators.
    pub digest: Digest,
    /// Who hears of every user.
    pub administrators: Vec<Email>,
    /// Where mails are published.
    pub topic: Reference,
    /// Whom mails with a secret are encrypted to, where [`Policy::delivery`] says that they are.
    pub encrypt_to: Recipients,
    /// The first part of every secret's name.
    pub secret_prefix: SecretPrefix,
    /// Who may read every secret, besides its user.
    pub secret_readers: Readers,
    /// What the secrets are encrypted with.
    pub secret_kms_key: KmsKey,
}

/// One environment variable of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variable {
    /// [`Settings::users`], separated by spaces.
    Users,
    /// [`Settings::exempt`], separated by spaces, or `none`; never missing, for that would be a loss.
    Exempt,
    /// [`Settings::user_tags`].
    UserTags,
    /// [`Policy::rotate_after`].
    RotateAfter,
    /// [`Policy::overlap`].
    Overlap,
    /// [`Policy::delete_after`].
    DeleteAfter,
    /// [`Policy::still_in_use`].
    StillInUse,
    /// [`Policy::wait_at_most`].
    WaitAtMost,
    /// [`Policy::delivery`].
    Delivery,
    /// [`Policy::warn_before`].
    WarnBefore,
    /// [`Settings::language`].
    Language,
    /// [`Settings::digest`].
    Digest,
    /// [`Settings::administrators`], separated by spaces.
    Administrators,
    /// [`Settings::topic`].
    TopicArn,
    /// [`Settings::encrypt_to`]; only where mails are encrypted.
    EncryptTo,
    /// [`Settings::secret_prefix`].
    SecretPrefix,
    /// [`Settings::secret_readers`].
    SecretReaders,
    /// [`Settings::secret_kms_key`].
    SecretKmsKey,
}

impl Variable {
    /// Its name in the environment.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "USERS",
            Self::Exempt => "EXEMPT",
            Self::UserTags => "USER_TAGS",
            Self::RotateAfter => "ROTATE_AFTER",
            Self::Overlap => "OVERLAP",
            Self::DeleteAfter => "DELETE_AFTER",
            Self::StillInUse => "STILL_IN_USE",
            Self::WaitAtMost => "WAIT_AT_MOST",
            Self::Delivery => "DELIVERY",
            Self::WarnBefore => "WARN_BEFORE",
            Self::Language => "LANGUAGE",
            Self::Digest => "DIGEST",
            Self::Administrators => "ADMINISTRATORS",
            Self::TopicArn => "TOPIC_ARN",
            Self::EncryptTo => "ENCRYPT_TO",
            Self::SecretPrefix => "SECRET_PREFIX",
            Self::SecretReaders => "SECRET_READERS",
            Self::SecretKmsKey => "SECRET_KMS_KEY",
        }
    }
}

/// The value of an environment variable: text, or a reference that only the template can resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<Reference> {
    /// Known now.
    Text(String),
    /// Known once the stack is there.
    Reference(Reference),
}

impl<Reference> Settings<Reference> {
    /// The environment that tells the handler exactly these settings.
    pub fn into_environment(self) -> Vec<(Variable, Value<Reference>)> {
        let text = |t: &dyn ToString| Value::Text(t.to_string());
        let encrypts = self.policy.delivery == Delivery::EmailEncrypted;
        let mut environment = vec![
            (Variable::Users, text(&words(&self.users))),
            (Variable::Exempt, text(&exempt(&self.exempt))),
            (Variable::UserTags, text(&self.user_tags)),
            (Variable::RotateAfter, text(&self.policy.rotate_after)),
            (Variable::Overlap, text(&self.policy.overlap)),
            (Variable::DeleteAfter, text(&self.policy.delete_after)),
            (Variable::StillInUse, text(&self.policy.still_in_use)),
            (Variable::WaitAtMost, text(&self.policy.wait_at_most)),
            (Variable::Delivery, text(&self.policy.delivery)),
            (Variable::WarnBefore, text(&self.policy.warn_before)),
            (Variable::Language, text(&self.language)),
            (Variable::Digest, text(&self.digest)),
            (Variable::Administrators, text(&words(&self.administrators))),
            (Variable::TopicArn, Value::Reference(self.topic)),
            (Variable::SecretPrefix, text(&self.secret_prefix)),
            (Variable::SecretReaders, text(&self.secret_readers)),
            (Variable::SecretKmsKey, text(&self.secret_kms_key)),
        ];
        if encrypts {
            environment.push((Variable::EncryptTo, text(&self.encrypt_to)));
        }
        environment
    }
}

const NOBODY: &str = "none";

fn exempt(list: &[UserSelector]) -> String {
    match words(list) {
        text if text.is_empty() => NOBODY.into(),
        // A user may be called so.
        text if text == NOBODY => format!("/{text}"),
        text => text,
    }
}

fn read_exempt(text: &str) -> Result<Vec<UserSelector>, ParseError> {
    if text == NOBODY { Ok(Vec::new()) } else { parse_words(text) }
}

fn parse_words<T: FromStr<Err = ParseError>>(text: &str) -> Result<Vec<T>, ParseError> {
    text.split_ascii_whitespace().map(str::parse).collect()
}

fn words<T: ToString>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// A setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {name} {problem}; no key was touched: generate and deploy the template again")]
pub struct BadSetting {
    /// The variable.
    pub name: &'static str,
    /// What is wrong with it: "is missing", or the rule that it breaks.
    pub problem: String,
}

impl Settings {
    /// Reads the settings from the environment that `lookup` shows.
    ///
    /// # Errors
    /// [`BadSetting`] for the first variable that is missing or not understood.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, BadSetting> {
        fn read<T: FromStr<Err = ParseError>>(
            lookup: &impl Fn(&str) -> Option<String>,
            variable: Variable,
        ) -> Result<T, BadSetting> {
            raw(lookup, variable)?.parse().map_err(wrong(variable))
        }
        fn wrong(variable: Variable) -> impl Fn(ParseError) -> BadSetting {
            move |e| BadSetting { name: variable.name(), problem: format!("is wrong: {e}") }
        }
        fn list<T: FromStr<Err = ParseError>>(
            lookup: &impl Fn(&str) -> Option<String>,
            variable: Variable,
        ) -> Result<Vec<T>, BadSetting> {
            parse_words(&raw(lookup, variable)?).map_err(wrong(variable))
        }
        fn raw(lookup: &impl Fn(&str) -> Option<String>, variable: Variable) -> Result<String, BadSetting> {
            let name = variable.name();
            lookup(name).ok_or_else(|| BadSetting { name, problem: "is missing".into() })
        }
        let users: Vec<UserEntry> = list(&lookup, Variable::Users)?;
        let delivery = read(&lookup, Variable::Delivery)?;
        let encrypt_to = match delivery {
            Delivery::EmailEncrypted => read(&lookup, Variable::EncryptTo)?,
            Delivery::SecretsManager | Delivery::Email => Recipients::default(),
        };
        let is_lost = |member: &&UserEntry| match &member.who {
            UserSelector::User(user) => encrypt_to.of(&user.name).is_empty(),
            UserSelector::Path(_) | UserSelector::Tag(_) | UserSelector::Group(_) => encrypt_to.all.is_empty(),
        };
        if let Some(UserEntry { who, .. }) =
            users.iter().find(|member| delivery == Delivery::EmailEncrypted && is_lost(member))
        {
            let problem = format!("has no public key for {who}");
            return Err(BadSetting { name: Variable::EncryptTo.name(), problem });
        }
        Ok(Self {
            users,
            exempt: read_exempt(&raw(&lookup, Variable::Exempt)?).map_err(wrong(Variable::Exempt))?,
            user_tags: read(&lookup, Variable::UserTags)?,
            policy: Policy {
                rotate_after: read(&lookup, Variable::RotateAfter)?,
                overlap: read(&lookup, Variable::Overlap)?,
                delete_after: read(&lookup, Variable::DeleteAfter)?,
                still_in_use: read(&lookup, Variable::StillInUse)?,
                wait_at_most: read(&lookup, Variable::WaitAtMost)?,
                delivery,
                warn_before: read(&lookup, Variable::WarnBefore)?,
            },
            language: read(&lookup, Variable::Language)?,
            digest: read(&lookup, Variable::Digest)?,
            administrators: list(&lookup, Variable::Administrators)?,
            topic: read(&lookup, Variable::TopicArn)?,
            encrypt_to,
            secret_prefix: read(&lookup, Variable::SecretPrefix)?,
            secret_readers: read(&lookup, Variable::SecretReaders)?,
            secret_kms_key: read(&lookup, Variable::SecretKmsKey)?,
        })
    }

    /// The resource policy of the secret of `user`, who is in the account of the stack, and so of its topic.
    #[must_use]
    pub fn secret_policy(&self, user: &User) -> String {
        let arn = PrincipalArn::of_user(self.topic.partition(), self.topic.account(), user);
        secret_policy::document(&arn, &self.secret_readers)
    }
}

impl<Reference> Settings<Reference> {
    /// How much of the account must be seen to find the users.
    #[must_use]
    pub fn sight(&self) -> ListScope {
        ListScope::of(self.users.iter().map(|member| &member.who), &self.exempt, self.user_tags)
    }

    /// Who can open the mail with the new key of `user`: each of them alone.
    #[must_use]
    pub fn recipients(&self, user: &UserName) -> &[Recipient] {
        self.encrypt_to.of(user)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::delivery::public_key::tests::one_of_each;
    use crate::{
        model::time::Span,
        protocol::policy::{DeleteAfter, MaxWait, StillInUse},
    };

    fn settings(delete_after: DeleteAfter, delivery: Delivery) -> Settings {
        Settings {
            users: [
                "alice",
                "/ci/bob,smith;owner=Bob@example.com;overlap=1d",
                "c=d@e;owner=c=d@e.co",
                "/ci/",
                "tag:a=b",
            ]
            .map(|member| member.parse().unwrap())
            .into(),
            exempt: ["carol", "/x/", "tag:keep=it", "group:people"].map(|who| who.parse().unwrap()).into(),
            user_tags: UserTags::Honoured,
            policy: Policy {
                rotate_after: Span::days(60),
                overlap: Span::days(7),
                delete_after,
                still_in_use: StillInUse::Wait,
                wait_at_most: MaxWait::AtMost(Span::days(30)),
                delivery,
                warn_before: Span::days(7),
            },
            language: Language::Japanese,
            digest: Digest::Changes,
            administrators: ["a@b.co", "C@d.co"].map(|address| address.parse().unwrap()).into(),
            topic: "arn:aws:sns:eu-west-1:123456789012:keys".parse().unwrap(),
            encrypt_to: if delivery == Delivery::EmailEncrypted { encrypt_to() } else { Recipients::default() },
            secret_prefix: "access-key-rotation".parse().unwrap(),
            secret_readers: "arn:aws:iam::123456789012:role/reader".parse().unwrap(),
            secret_kms_key: "aws/secretsmanager".parse().unwrap(),
        }
    }

    /// Keys of each kind, and one user's own.
    fn encrypt_to() -> Recipients {
        let own = ("bob,smith".parse().unwrap(), one_of_each()[..2].to_vec());
        Recipients { all: one_of_each(), own: [own].into() }
    }

    fn environment(settings: Settings) -> HashMap<&'static str, String> {
        let text = |value| match value {
            Value::Text(text) => text,
            Value::Reference(arn) => TopicArn::to_string(&arn),
        };
        settings.into_environment().into_iter().map(|(name, value)| (name.name(), text(value))).collect()
    }

    #[test]
    fn the_handler_reads_what_synth_writes() {
        for (delete_after, delivery) in [
            (DeleteAfter::NextRotation, Delivery::SecretsManager),
            (DeleteAfter::Window(Span::days(14)), Delivery::Email),
            (DeleteAfter::NextRotation, Delivery::EmailEncrypted),
        ] {
            let written = environment(settings(delete_after, delivery));
            let read = Settings::from_environment(|name| written.get(name).cloned());
            assert_eq!(read, Ok(settings(delete_after, delivery)));
        }
    }

    #[test]
    fn nobody_is_no_user_and_a_user_may_be_called_none() {
        for exempt in [vec![], vec!["none"], vec!["none", "/x/"]] {
            let exempt: Vec<UserSelector> = exempt.into_iter().map(|who| who.parse().unwrap()).collect();
            let settings = Settings { exempt, ..settings(DeleteAfter::NextRotation, Delivery::Email) };
            let written = environment(settings.clone());
            assert!(!written["EXEMPT"].is_empty(), "Lambda takes no empty value for certain");
            assert_eq!(Settings::from_environment(|name| written.get(name).cloned()), Ok(settings));
        }
    }

    #[test]
    fn each_variable_is_read_and_named_when_it_is_missing_or_wrong() {
        let good = environment(settings(DeleteAfter::NextRotation, Delivery::EmailEncrypted));
        assert_eq!(good.len(), 18);
        for &name in good.keys() {
            let missing = Settings::from_environment(|n| (n != name).then(|| good.get(n).cloned())?);
            assert_eq!(missing.unwrap_err().name, name);
            let wrong =
                Settings::from_environment(
                    |n| {
                        if n == name { Some("/ not:right".into()) } else { good.get(n).cloned() }
                    },
                );
            assert_eq!(wrong.unwrap_err().name, name);
        }
    }

    #[test]
    fn a_users_secret_is_for_the_user_of_the_stacks_own_account_and_partition() {
        let mut settings = settings(DeleteAfter::NextRotation, Delivery::SecretsManager);
        settings.topic = "arn:aws-cn:sns:cn-north-1:111122223333:keys".parse().unwrap();
        let policy = settings.secret_policy(&"/ci/bob,smith".parse().unwrap());
        assert!(policy.contains("\"arn:aws-cn:iam::111122223333:user/ci/bob,smith\""), "{policy}");
        assert!(policy.contains("\"arn:aws:iam::123456789012:role/reader\""), "{policy}");
    }

    #[test]
    fn each_user_has_somebody_to_encrypt_to() {
        let mut written = environment(settings(DeleteAfter::NextRotation, Delivery::EmailEncrypted));
        let read = |written: &HashMap<_, String>| Settings::from_environment(|name| written.get(name).cloned());
        let whole = read(&written).unwrap();
        let kinds = |user: &str| whole.recipients(&user.parse().unwrap()).len();
        assert_eq!((kinds("alice"), kinds("bob,smith")), (3, 2), "a user's own come in place of the others");

        let everybodys = written["ENCRYPT_TO"].find(';').unwrap();
        written.insert("ENCRYPT_TO", written["ENCRYPT_TO"][everybodys..].to_owned());
        let bad = read(&written).unwrap_err();
        assert_eq!((bad.name, bad.problem.as_str()), ("ENCRYPT_TO", "has no public key for alice"));
        for wrong in ["", ",", ";bob,smith", ";bob,smith:", "age1", ";:age1"] {
            written.insert("ENCRYPT_TO", wrong.to_owned());
            assert_eq!(read(&written).unwrap_err().name, "ENCRYPT_TO", "{wrong}");
        }
    }

    #[test]
    fn two_users_never_share_a_secret() {
        let prefix: SecretPrefix = "keys".parse().unwrap();
        let name = |user: &str| prefix.secret_name(&user.parse().unwrap());
        assert_eq!((name("a,b"), name("a.b"), name("a-b")), ("keys/a/b".into(), "keys/a.b".into(), "keys/a-b".into()));
    }
}
