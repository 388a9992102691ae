//! The handler's settings: its environment variables, declared once.
//!
//! The handler reads them here, and `synth` writes them from the same type. So each setting that is written is also
//! read, and the other way round.

use std::str::FromStr;

use crate::{
    contract::{
        account_name::AccountName, digest_frequency::DigestFrequency, endpoint::Endpoint, language::Language,
        list_scope::ListScope, organization_link::OrganizationLink, resource_tags::ResourceTags,
        secret_prefix::SecretPrefix, selector::UserSelector, topic_arn::TopicArn, user_entry::UserEntry,
        user_tags::UserTags,
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
    protocol::{
        manager::Manager,
        policy::{Delivery, Policy},
    },
};

/// All settings of the handler.
///
/// `Reference` and `Link` name what AWS gives its name: ARNs and an account in the handler, references into the template
/// in `synth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings<Reference = TopicArn, Link = OrganizationLink> {
    /// The users whose keys are rotated, with the settings that apply only to some of them.
    pub users: Vec<UserEntry>,
    /// The entries of users in other accounts of the organization. The handler only names them if a person asks for one.
    /// `synth` writes every entry into [`Settings::users`].
    pub elsewhere: Vec<UserEntry>,
    /// Users to exclude, even if `users` selects them.
    pub exempt: Vec<UserSelector>,
    /// Whether tags on a user can override its settings: see [`crate::contract::user_entry`].
    pub user_tags: UserTags,
    /// When a key is replaced, how long its predecessor stays, and how the new secret is delivered.
    pub policy: Policy,
    /// The language of the mails.
    pub language: Language,
    /// The name of the account in notices, beside its id.
    pub account_name: AccountName,
    /// After which runs the administrators get a digest.
    pub digest: DigestFrequency,
    /// The administrators' addresses. They get the digest, and the notices about users without a confirmed owner.
    pub administrators: Vec<Email>,
    /// The endpoints that get every notice as JSON, and never a secret.
    pub endpoints: Vec<Endpoint>,
    /// The SNS topic that notices are published to. In a member of an organization, it is the central topic: the handler only
    /// reads its subscriptions.
    pub topic: Reference,
    /// What connects a member of an organization with the administering account; `None` for a stack of its own.
    pub organization: Option<Link>,
    /// The public keys to which mails with a secret are encrypted; empty unless [`Policy::delivery`] is
    /// [`Delivery::EmailEncrypted`].
    pub encrypt_to: Recipients,
    /// The first part of every secret's name.
    pub secret_prefix: SecretPrefix,
    /// The principals that may read every secret, in addition to its user.
    pub secret_readers: Readers,
    /// The KMS key that encrypts the secrets.
    pub secret_kms_key: KmsKey,
    /// The company's tags, which a secret is created with.
    pub secret_tags: ResourceTags,
}

/// One environment variable of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variable {
    /// [`Settings::users`], separated by spaces.
    Users,
    /// [`Settings::exempt`], separated by spaces, or `none`. It must always be set: a lost list would rotate exempt
    /// users.
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
    /// [`Policy::disabled_users`].
    DisabledUsers,
    /// [`Policy::unused_after`].
    UnusedAfter,
    /// [`Policy::unconfirmed_recipients`].
    UnconfirmedRecipients,
    /// [`Policy::delivery`].
    Delivery,
    /// [`Policy::warn_before`].
    WarnBefore,
    /// [`Settings::language`].
    Language,
    /// [`Settings::account_name`]; only if there is one.
    AccountName,
    /// [`Settings::digest`].
    Digest,
    /// [`Settings::administrators`], separated by spaces.
    Administrators,
    /// [`Settings::endpoints`], separated by spaces, or `none`.
    Notify,
    /// [`Settings::topic`].
    TopicArn,
    /// [`OrganizationLink::bus`]; only in a member of an organization.
    EventBusArn,
    /// [`OrganizationLink::account`]; only in a member of an organization.
    AccountId,
    /// [`Settings::encrypt_to`]; only where mails are encrypted.
    EncryptTo,
    /// [`Settings::secret_prefix`].
    SecretPrefix,
    /// [`Settings::secret_readers`].
    SecretReaders,
    /// [`Settings::secret_kms_key`].
    SecretKmsKey,
    /// [`Settings::secret_tags`], or `none`.
    SecretTags,
}

impl Variable {
    /// All variables.
    pub const ALL: [Self; 26] = [
        Self::Users,
        Self::Exempt,
        Self::UserTags,
        Self::RotateAfter,
        Self::Overlap,
        Self::DeleteAfter,
        Self::StillInUse,
        Self::WaitAtMost,
        Self::DisabledUsers,
        Self::UnusedAfter,
        Self::UnconfirmedRecipients,
        Self::Delivery,
        Self::WarnBefore,
        Self::Language,
        Self::AccountName,
        Self::Digest,
        Self::Administrators,
        Self::Notify,
        Self::TopicArn,
        Self::EventBusArn,
        Self::AccountId,
        Self::EncryptTo,
        Self::SecretPrefix,
        Self::SecretReaders,
        Self::SecretKmsKey,
        Self::SecretTags,
    ];

    /// The name of the environment variable.
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
            Self::DisabledUsers => "DISABLED_USERS",
            Self::UnusedAfter => "UNUSED_AFTER",
            Self::UnconfirmedRecipients => "UNCONFIRMED_RECIPIENTS",
            Self::Delivery => "DELIVERY",
            Self::WarnBefore => "WARN_BEFORE",
            Self::Language => "LANGUAGE",
            Self::AccountName => "ACCOUNT_NAME",
            Self::Digest => "DIGEST",
            Self::Administrators => "ADMINISTRATORS",
            Self::Notify => "NOTIFY",
            Self::TopicArn => "TOPIC_ARN",
            Self::EventBusArn => "EVENT_BUS_ARN",
            Self::AccountId => "ACCOUNT_ID",
            Self::EncryptTo => "ENCRYPT_TO",
            Self::SecretPrefix => "SECRET_PREFIX",
            Self::SecretReaders => "SECRET_READERS",
            Self::SecretKmsKey => "SECRET_KMS_KEY",
            Self::SecretTags => "SECRET_TAGS",
        }
    }
}

/// The value of an environment variable: text, or a reference that only the template can resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariableValue<Reference> {
    /// A text that is known when the template is written.
    Text(String),
    /// A value that is known only when the stack exists.
    Reference(Reference),
}

impl<Reference, Link> Settings<Reference, Link> {
    /// The entries of `users` for every account.
    pub fn entries(&self) -> impl Iterator<Item = &UserEntry> {
        self.users.iter().chain(&self.elsewhere)
    }
}

impl<Topic, Bus, Account> Settings<Topic, OrganizationLink<Bus, Account>> {
    /// The environment variables from which the handler reads exactly these settings.
    pub fn into_environment<Reference>(self) -> Vec<(Variable, VariableValue<Reference>)>
    where
        Topic: Into<Reference>,
        Bus: Into<Reference>,
        Account: Into<Reference>,
    {
        let text = |t: &dyn ToString| VariableValue::Text(t.to_string());
        let users: Vec<_> = self.entries().collect();
        let encrypts = self.policy.delivery == Delivery::EmailEncrypted;
        let mut environment = vec![
            (Variable::Users, text(&words(&users))),
            (Variable::Exempt, text(&exempt(&self.exempt))),
            (Variable::UserTags, text(&self.user_tags)),
            (Variable::RotateAfter, text(&self.policy.rotate_after)),
            (Variable::Overlap, text(&self.policy.overlap)),
            (Variable::DeleteAfter, text(&self.policy.delete_after)),
            (Variable::StillInUse, text(&self.policy.still_in_use)),
            (Variable::WaitAtMost, text(&self.policy.wait_at_most)),
            (Variable::DisabledUsers, text(&self.policy.disabled_users)),
            (Variable::UnusedAfter, text(&self.policy.unused_after)),
            (Variable::UnconfirmedRecipients, text(&self.policy.unconfirmed_recipients)),
            (Variable::Delivery, text(&self.policy.delivery)),
            (Variable::WarnBefore, text(&self.policy.warn_before)),
            (Variable::Language, text(&self.language)),
            (Variable::Digest, text(&self.digest)),
            (Variable::Administrators, text(&words(&self.administrators))),
            (Variable::Notify, text(&endpoints(&self.endpoints))),
            (Variable::TopicArn, VariableValue::Reference(self.topic.into())),
            (Variable::SecretPrefix, text(&self.secret_prefix)),
            (Variable::SecretReaders, text(&self.secret_readers)),
            (Variable::SecretKmsKey, text(&self.secret_kms_key)),
            (Variable::SecretTags, text(&self.secret_tags)),
        ];
        if self.account_name != AccountName::None {
            environment.push((Variable::AccountName, text(&self.account_name)));
        }
        if encrypts {
            environment.push((Variable::EncryptTo, text(&self.encrypt_to)));
        }
        if let Some(OrganizationLink { bus, account }) = self.organization {
            environment.push((Variable::EventBusArn, VariableValue::Reference(bus.into())));
            environment.push((Variable::AccountId, VariableValue::Reference(account.into())));
        }
        environment
    }
}

const EMPTY_LIST: &str = "none";

fn exempt(list: &[UserSelector]) -> String {
    match words(list) {
        text if text.is_empty() => EMPTY_LIST.into(),
        // A user can have this name, so it is written with its path.
        text if text == EMPTY_LIST => format!("/{text}"),
        text => text,
    }
}

fn endpoints(list: &[Endpoint]) -> String {
    if list.is_empty() { EMPTY_LIST.into() } else { words(list) }
}

fn read_endpoints(text: &str) -> Result<Vec<Endpoint>, ParseError> {
    if text == EMPTY_LIST { Ok(Vec::new()) } else { parse_words(text) }
}

fn read_exempt(text: &str) -> Result<Vec<UserSelector>, ParseError> {
    if text == EMPTY_LIST { Ok(Vec::new()) } else { parse_words(text) }
}

fn parse_words<T: FromStr<Err = ParseError>>(text: &str) -> Result<Vec<T>, ParseError> {
    text.split_ascii_whitespace().map(str::parse).collect()
}

pub(super) fn words<T: ToString>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Reads the value of a variable.
pub(super) fn read<T: FromStr<Err = ParseError>>(
    lookup: &impl Fn(&str) -> Option<String>,
    variable: Variable,
) -> Result<T, SettingError> {
    raw(lookup, variable)?.parse().map_err(wrong(variable))
}

/// Reads a variable with values that are separated by spaces.
pub(super) fn list<T: FromStr<Err = ParseError>>(
    lookup: &impl Fn(&str) -> Option<String>,
    variable: Variable,
) -> Result<Vec<T>, SettingError> {
    parse_words(&raw(lookup, variable)?).map_err(wrong(variable))
}

fn raw(lookup: &impl Fn(&str) -> Option<String>, variable: Variable) -> Result<String, SettingError> {
    let name = variable.name();
    lookup(name).ok_or(SettingError { name, problem: SettingProblem::Missing })
}

fn wrong(variable: Variable) -> impl Fn(ParseError) -> SettingError {
    move |e| SettingError { name: variable.name(), problem: SettingProblem::Invalid(e) }
}

/// Where a function runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionPlace<'a> {
    /// The partition, a group of Regions.
    pub partition: &'a str,
    /// The Region. IAM users have none.
    pub region: &'a str,
    /// The id of the account, twelve digits.
    pub account: &'a str,
}

/// An environment variable that is missing or not valid. The function then handles no user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {name} {problem}; no key was touched; generate the template again and deploy it")]
pub struct SettingError {
    /// The name of the environment variable.
    pub name: &'static str,
    /// What is wrong with it.
    #[source]
    pub problem: SettingProblem,
}

/// What is wrong with an environment variable. Each message is the end of a sentence that begins with its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingProblem {
    /// It is not set.
    #[error("is missing")]
    Missing,
    /// Its value breaks a rule.
    #[error("is not valid: {0}")]
    Invalid(#[source] ParseError),
    /// Mails with a secret are encrypted, but no public key fits this entry.
    #[error("has no public key for {0}")]
    NoPublicKey(UserSelector),
    /// A member of an organization would mail keys to the administering account.
    #[error("must be secrets-manager in a member of an organization")]
    MailInMember,
}

impl SettingError {
    /// The name of the error, which Lambda returns as its type.
    pub const NAME: &str = "SettingError";
}

impl Settings {
    /// The manager that a function of this name is, with these settings.
    ///
    /// # Errors
    /// [`ParseError`] if no function can have this name.
    pub fn manager(&self, function: &str) -> Result<Manager, ParseError> {
        let delivery = self.policy.delivery;
        let channel = match delivery {
            Delivery::SecretsManager => format!("{delivery} {}", self.secret_prefix),
            // The topic is the channel, whatever form the mail has.
            Delivery::Email | Delivery::EmailEncrypted => format!("email {}", self.topic),
        };
        Manager::new(function, self.place().region, &channel)
    }

    /// Where the function runs. In a member of an organization, the topic is in another account.
    ///
    /// The bus is in the Region of the members: Lambda takes a package only from a bucket of its own Region, and the
    /// administering account has the bucket.
    #[must_use]
    pub fn place(&self) -> FunctionPlace<'_> {
        let topic = &self.topic;
        match &self.organization {
            None => FunctionPlace { partition: topic.partition(), region: topic.region(), account: topic.account() },
            Some(OrganizationLink { bus, account }) => {
                FunctionPlace { partition: bus.partition(), region: bus.region(), account: account.as_str() }
            }
        }
    }

    /// Reads the settings from the environment variables that `lookup` returns.
    ///
    /// # Errors
    /// [`SettingError`] for the first variable that is missing or not valid.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let users: Vec<UserEntry> = list(&lookup, Variable::Users)?;
        let delivery: Delivery = read(&lookup, Variable::Delivery)?;
        // If one of the two variables is lost, the function must not take the central account for its own.
        let is_member = [Variable::EventBusArn, Variable::AccountId].iter().any(|link| lookup(link.name()).is_some());
        let organization = is_member
            .then(|| {
                if delivery.is_mail() {
                    let problem = SettingProblem::MailInMember;
                    return Err(SettingError { name: Variable::Delivery.name(), problem });
                }
                let account = read(&lookup, Variable::AccountId)?;
                Ok(OrganizationLink { bus: read(&lookup, Variable::EventBusArn)?, account })
            })
            .transpose()?;
        let own = organization.as_ref().map(|link: &OrganizationLink| &link.account);
        let (users, elsewhere): (Vec<_>, Vec<_>) =
            users.into_iter().partition(|entry| entry.account.is_none() || entry.account.as_ref() == own);
        let encrypt_to = match delivery {
            Delivery::EmailEncrypted => read(&lookup, Variable::EncryptTo)?,
            Delivery::SecretsManager | Delivery::Email => Recipients::default(),
        };
        let is_lost = |entry: &&UserEntry| match &entry.selector {
            UserSelector::User(user) => encrypt_to.of(&user.name).is_empty(),
            UserSelector::Path(_) | UserSelector::Tag(_) | UserSelector::Group(_) => encrypt_to.all.is_empty(),
        };
        if let Some(UserEntry { selector, .. }) =
            users.iter().find(|entry| delivery == Delivery::EmailEncrypted && is_lost(entry))
        {
            let problem = SettingProblem::NoPublicKey(selector.clone());
            return Err(SettingError { name: Variable::EncryptTo.name(), problem });
        }
        Ok(Self {
            users,
            elsewhere,
            exempt: read_exempt(&raw(&lookup, Variable::Exempt)?).map_err(wrong(Variable::Exempt))?,
            user_tags: read(&lookup, Variable::UserTags)?,
            policy: Policy {
                rotate_after: read(&lookup, Variable::RotateAfter)?,
                overlap: read(&lookup, Variable::Overlap)?,
                delete_after: read(&lookup, Variable::DeleteAfter)?,
                still_in_use: read(&lookup, Variable::StillInUse)?,
                wait_at_most: read(&lookup, Variable::WaitAtMost)?,
                disabled_users: read(&lookup, Variable::DisabledUsers)?,
                unused_after: read(&lookup, Variable::UnusedAfter)?,
                unconfirmed_recipients: read(&lookup, Variable::UnconfirmedRecipients)?,
                delivery,
                warn_before: read(&lookup, Variable::WarnBefore)?,
            },
            language: read(&lookup, Variable::Language)?,
            account_name: match lookup(Variable::AccountName.name()) {
                Some(name) => name.parse().map_err(wrong(Variable::AccountName))?,
                None => AccountName::None,
            },
            digest: read(&lookup, Variable::Digest)?,
            administrators: list(&lookup, Variable::Administrators)?,
            endpoints: read_endpoints(&raw(&lookup, Variable::Notify)?).map_err(wrong(Variable::Notify))?,
            topic: read(&lookup, Variable::TopicArn)?,
            organization,
            encrypt_to,
            secret_prefix: read(&lookup, Variable::SecretPrefix)?,
            secret_readers: read(&lookup, Variable::SecretReaders)?,
            secret_kms_key: read(&lookup, Variable::SecretKmsKey)?,
            secret_tags: read(&lookup, Variable::SecretTags)?,
        })
    }

    /// The resource policy of the secret of `user`, who is in the partition and the account of the function.
    #[must_use]
    pub fn secret_policy(&self, user: &User) -> String {
        let place = self.place();
        let arn = PrincipalArn::of_user(place.partition, place.account, user);
        secret_policy::document(&arn, &self.secret_readers)
    }
}

impl<Reference> Settings<Reference> {
    /// Which lists of the account a run must read to find the users.
    #[must_use]
    pub fn list_scope(&self) -> ListScope {
        ListScope::of(self.users.iter().map(|entry| &entry.selector), &self.exempt, self.user_tags)
    }

    /// The public keys for the mail with the new key of `user`. Each of their owners can open it without the others.
    #[must_use]
    pub fn recipients(&self, user: &UserName) -> &[Recipient] {
        self.encrypt_to.of(user)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::delivery::public_key::tests::one_of_each;
    use crate::{
        model::time::Span,
        protocol::policy::{DeleteAfter, DisabledUsers, MaxWait, StillInUse, UnconfirmedRecipients, UnusedAfter},
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
            .map(|entry| entry.parse().unwrap())
            .into(),
            elsewhere: Vec::new(),
            exempt: ["carol", "/x/", "tag:keep=it", "group:people"].map(|who| who.parse().unwrap()).into(),
            user_tags: UserTags::Honoured,
            policy: Policy {
                rotate_after: Span::days(60),
                overlap: Span::days(7),
                delete_after,
                still_in_use: StillInUse::Wait,
                wait_at_most: MaxWait::AtMost(Span::days(30)),
                disabled_users: DisabledUsers::Replace,
                unused_after: UnusedAfter::After(Span::days(45)),
                unconfirmed_recipients: UnconfirmedRecipients::Proceed,
                delivery,
                warn_before: Span::days(7),
            },
            language: Language::Japanese,
            account_name: "payments-prod".parse().unwrap(),
            digest: DigestFrequency::Changes,
            administrators: ["a@b.co", "C@d.co"].map(|address| address.parse().unwrap()).into(),
            endpoints: ["arn:aws:sqs:eu-west-1:123456789012:events", "https://hooks.example.com/keys"]
                .map(|endpoint| endpoint.parse().unwrap())
                .into(),
            topic: "arn:aws:sns:eu-west-1:123456789012:keys".parse().unwrap(),
            organization: None,
            encrypt_to: if delivery == Delivery::EmailEncrypted { encrypt_to() } else { Recipients::default() },
            secret_prefix: "access-key-rotation".parse().unwrap(),
            secret_readers: "arn:aws:iam::123456789012:role/reader".parse().unwrap(),
            secret_kms_key: "aws/secretsmanager".parse().unwrap(),
            secret_tags: "team=payments;cost centre=a=b c".parse().unwrap(),
        }
    }

    /// Public keys of each kind for all users, and some of their own for one user.
    fn encrypt_to() -> Recipients {
        let own = ("bob,smith".parse().unwrap(), one_of_each()[..2].to_vec());
        Recipients { all: one_of_each(), own: [own].into() }
    }

    /// Settings of a member of an organization, with an entry of its own account and one of another.
    fn member() -> Settings {
        let mut settings = settings(DeleteAfter::Window(Span::days(14)), Delivery::SecretsManager);
        settings.users.push("ci;account=111122223333;owner=x@b.co".parse().unwrap());
        settings.elsewhere.push("ci;account=444455556666;overlap=1d".parse().unwrap());
        settings.organization = Some(OrganizationLink {
            bus: "arn:aws:events:eu-west-1:123456789012:event-bus/keys".parse().unwrap(),
            account: "111122223333".parse().unwrap(),
        });
        settings
    }

    fn environment(settings: Settings) -> HashMap<&'static str, String> {
        let text = |value| match value {
            VariableValue::Text(text) | VariableValue::Reference(text) => text,
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
        let written = environment(member());
        assert_eq!(Settings::from_environment(|name| written.get(name).cloned()), Ok(member()));
    }

    #[test]
    fn an_entry_of_an_account_is_only_for_this_account() {
        let mut written = environment(member());
        let mut read = |account: Option<&str>| {
            for name in ["EVENT_BUS_ARN", "ACCOUNT_ID"].into_iter().filter(|_| account.is_none()) {
                written.remove(name);
            }
            written.extend(account.map(|account| ("ACCOUNT_ID", account.to_owned())));
            let read = Settings::from_environment(|name| written.get(name).cloned()).unwrap();
            let accounts = |entries: &[UserEntry]| {
                entries.iter().filter_map(|entry| Some(entry.account.as_ref()?.to_string())).collect::<Vec<_>>()
            };
            (read.users.len(), accounts(&read.users), accounts(&read.elsewhere))
        };
        let (first, second) = ("111122223333".to_owned(), "444455556666".to_owned());
        assert_eq!(read(Some(&second)), (6, vec![second.clone()], vec![first.clone()]));
        let both = vec![first, second];
        assert_eq!(read(Some("777788889999")), (5, vec![], both.clone()));
        assert_eq!(read(None), (5, vec![], both), "without an organization, no account is known to be the own one");
    }

    /// A member that lost one variable must not take the central account for its own, and must not mail keys to it.
    #[test]
    fn a_member_is_a_whole_member() {
        let good = environment(member());
        for (name, value, problem) in [
            ("EVENT_BUS_ARN", None, "is missing"),
            ("ACCOUNT_ID", None, "is missing"),
            ("DELIVERY", Some("email"), "must be secrets-manager in a member of an organization"),
            ("DELIVERY", Some("email-encrypted"), "must be secrets-manager in a member of an organization"),
        ] {
            let lookup = |n: &str| if n == name { value.map(str::to_owned) } else { good.get(n).cloned() };
            let error = Settings::from_environment(lookup).unwrap_err();
            assert_eq!((error.name, error.problem.to_string().as_str()), (name, problem));
        }
    }

    #[test]
    fn an_account_without_a_name_has_no_variable() {
        let settings =
            Settings { account_name: AccountName::None, ..settings(DeleteAfter::NextRotation, Delivery::Email) };
        let written = environment(settings.clone());
        assert!(!written.contains_key(Variable::AccountName.name()), "{written:?}");
        assert_eq!(Settings::from_environment(|name| written.get(name).cloned()), Ok(settings));
    }

    #[test]
    fn an_empty_exempt_list_differs_from_a_user_called_none() {
        for exempt in [vec![], vec!["none"], vec!["none", "/x/"]] {
            let exempt: Vec<UserSelector> = exempt.into_iter().map(|who| who.parse().unwrap()).collect();
            let settings = Settings { exempt, ..settings(DeleteAfter::NextRotation, Delivery::Email) };
            let written = environment(settings.clone());
            assert!(!written["EXEMPT"].is_empty(), "Lambda may refuse an empty value");
            assert_eq!(Settings::from_environment(|name| written.get(name).cloned()), Ok(settings));
        }
    }

    #[test]
    fn each_variable_is_read_and_named_when_it_is_missing_or_wrong() {
        let encrypted = environment(settings(DeleteAfter::NextRotation, Delivery::EmailEncrypted));
        let member = environment(member());
        let all: HashSet<_> = encrypted.keys().chain(member.keys()).copied().collect();
        assert_eq!(HashSet::from(Variable::ALL.map(Variable::name)), all, "all variables");
        for (good, &name) in
            [&encrypted, &member].into_iter().flat_map(|good| good.keys().map(move |name| (good, name)))
        {
            let missing = Settings::from_environment(|n| (n != name).then(|| good.get(n).cloned())?);
            if name == Variable::AccountName.name() {
                assert_eq!(missing.expect(name).account_name, AccountName::None);
            } else {
                assert_eq!(missing.expect_err(name).name, name);
            }
            let wrong =
                Settings::from_environment(
                    |n| {
                        if n == name { Some("/ not:right".into()) } else { good.get(n).cloned() }
                    },
                );
            assert_eq!(wrong.expect_err(name).name, name);
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

    /// The topic and the bus of a member are in another account.
    #[test]
    fn a_member_runs_in_its_own_account() {
        let mut settings = member();
        settings.topic = "arn:aws-cn:sns:cn-north-1:123456789012:keys".parse().unwrap();
        let link = settings.organization.as_mut().unwrap();
        link.bus = "arn:aws-cn:events:cn-north-1:123456789012:event-bus/keys".parse().unwrap();
        let place = FunctionPlace { partition: "aws-cn", region: "cn-north-1", account: "111122223333" };
        assert_eq!(settings.place(), place);
        let policy = settings.secret_policy(&"ci".parse().unwrap());
        assert!(policy.contains("\"arn:aws-cn:iam::111122223333:user/ci\""), "{policy}");
        assert_eq!(settings.manager("keys").unwrap().to_string(), "keys in cn-north-1");
    }

    #[test]
    fn each_user_has_a_public_key_to_encrypt_to() {
        let mut written = environment(settings(DeleteAfter::NextRotation, Delivery::EmailEncrypted));
        let read = |written: &HashMap<_, String>| Settings::from_environment(|name| written.get(name).cloned());
        let whole = read(&written).unwrap();
        let kinds = |user: &str| whole.recipients(&user.parse().unwrap()).len();
        assert_eq!((kinds("alice"), kinds("bob,smith")), (3, 2), "a user's own keys replace the general ones");

        let everybodys = written["ENCRYPT_TO"].find(';').unwrap();
        written.insert("ENCRYPT_TO", written["ENCRYPT_TO"][everybodys..].to_owned());
        let bad = read(&written).unwrap_err();
        assert_eq!((bad.name, bad.problem.to_string().as_str()), ("ENCRYPT_TO", "has no public key for alice"));
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
