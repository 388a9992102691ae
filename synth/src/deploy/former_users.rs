//! Users that the stack has rotated and rotates no longer. The secrets under the stack's prefix are its memory of them:
//! each names its user.
//!
//! Two cases concern a person. The user does not exist any more, so its secret is of no use. Or the user exists and has
//! this stack's notes, but the stack does not select it. Then no run ends a rotation that was open.

use std::str::FromStr;

use lambda::{
    contract::{
        list_scope::ListScope, listed_user::ListedUser, permissions::tags, secret_prefix::SecretPrefix,
        selector::UserSelector, settings::Variable, user_entry::UserEntry, user_tags::UserTags,
    },
    model::{
        time::Timestamp,
        user::{User, UserName},
    },
    protocol::{journal::Journal, manager::Manager, policy::Delivery},
};
use serde_json::{Value as Json, json};

use crate::{
    deploy::{aws::AwsError, command_line::aws, deployed_template::setting, received_report::ReceivedUser},
    screen::counted,
};

/// The most users that are looked up in IAM, each with one call.
pub const MOST_LOOKUPS: usize = 50;

/// A secret as Secrets Manager lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSecret {
    /// The name of the secret.
    pub name: String,
    /// The tags on the secret.
    pub tags: Vec<(String, String)>,
    /// When the secret was changed last.
    pub changed: Option<Timestamp>,
}

/// A secret and the user whose keys the stack stored in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSecret {
    /// The name of the secret.
    pub name: String,
    /// The user that the secret belongs to.
    pub user: UserName,
}

/// What the deployed stack says about its secrets and its users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretOwnership {
    prefix: SecretPrefix,
    users: Vec<UserSelector>,
    exempt: Vec<UserSelector>,
    list_scope: ListScope,
    manager: Manager,
}

impl SecretOwnership {
    /// Reads the settings of the deployed function. `None` if the stack delivers by mail, and so has no secrets.
    ///
    /// # Errors
    /// [`AwsError::UnreadableSetting`] if the template does not have a setting in the form of this program.
    pub fn read(template: &Json, function: &str, region: &str) -> Result<Option<Self>, AwsError> {
        fn parse<T: FromStr>(text: &str, variable: Variable) -> Result<T, AwsError> {
            text.parse().map_err(|_| AwsError::UnreadableSetting(variable.name()))
        }
        let text = |variable| setting(template, variable).ok_or(AwsError::UnreadableSetting(variable.name()));
        let delivery: Delivery = parse(text(Variable::Delivery)?, Variable::Delivery)?;
        if delivery != Delivery::SecretsManager {
            return Ok(None);
        }
        let entries = text(Variable::Users)?.split_ascii_whitespace();
        let users = entries.map(|entry| parse::<UserEntry>(entry, Variable::Users).map(|entry| entry.selector));
        let users = users.collect::<Result<Vec<_>, _>>()?;
        let exempt = text(Variable::Exempt)?.split_ascii_whitespace().filter(|word| *word != "none");
        let exempt = exempt.map(|word| parse(word, Variable::Exempt)).collect::<Result<Vec<UserSelector>, _>>()?;
        let user_tags: UserTags = parse(text(Variable::UserTags)?, Variable::UserTags)?;
        Ok(Some(Self {
            prefix: parse(text(Variable::SecretPrefix)?, Variable::SecretPrefix)?,
            list_scope: ListScope::of(&users, &exempt, user_tags),
            users,
            exempt,
            // The channel does not matter: a stack stays the same when its delivery changes.
            manager: Manager::new(function, region, "").map_err(|_| AwsError::UnreadableSetting("FunctionName"))?,
        }))
    }

    /// What the names of the stack's secrets begin with.
    #[must_use]
    pub fn names_begin_with(&self) -> String {
        format!("{}/", self.prefix)
    }

    /// The secrets whose users the dry run does not show. The first one was not changed for the longest time, because the
    /// stack does not change the secret of a user that has left.
    #[must_use]
    pub fn of_unseen_users(&self, mut secrets: Vec<ListedSecret>, seen: &[ReceivedUser]) -> Vec<UserSecret> {
        secrets.sort_by(|a, b| (a.changed, &a.name).cmp(&(b.changed, &b.name)));
        let of_user = secrets.into_iter().filter_map(|secret| self.user_secret(secret));
        of_user.filter(|secret| !seen.iter().any(|seen| is_same(&seen.user, &secret.user))).collect()
    }

    /// The user of a secret, if the handler created the secret. Its tag and its name must say the same. A secret with a
    /// longer prefix can belong to another stack, and a secret without the tag is not ours to delete.
    fn user_secret(&self, secret: ListedSecret) -> Option<UserSecret> {
        // In the names of secrets, a slash replaces a comma.
        let user: UserName = secret.name.strip_prefix(&self.names_begin_with())?.replace('/', ",").parse().ok()?;
        let [of_user, _] = tags(&user);
        let is_tagged = secret.tags.iter().any(|(key, value)| *key == of_user.0 && *value == of_user.1);
        is_tagged.then_some(UserSecret { name: secret.name, user })
    }

    /// Whether the user has left in the middle of a rotation, by the user's tags. The handler itself reports this where
    /// it reads the account's lists.
    fn has_left(&self, user: &UserName, tags: &[(String, String)]) -> bool {
        if self.list_scope == ListScope::Account || self.is_selected(user) {
            return false;
        }
        Journal::of_tags(tags).is_ok_and(|journal| journal.is_of(&self.manager) && journal.has_rotation())
    }

    /// Whether the stack, which selects users only by name, selects this one.
    fn is_selected(&self, user: &UserName) -> bool {
        let named = self.users.iter().filter_map(|selector| match selector {
            UserSelector::User(named) if is_same(named.name.as_str(), user) => Some(ListedUser::from(named)),
            _ => None,
        });
        named.into_iter().any(|named| !self.exempt.iter().any(|exempt| exempt.covers(&named)))
    }
}

/// Whether both name the same user. The first may have a path. IAM compares names without regard to case.
fn is_same(text: &str, user: &UserName) -> bool {
    text.parse::<User>().is_ok_and(|other| other.name.as_str().eq_ignore_ascii_case(user.as_str()))
}

/// The users that the stack rotates no longer, as far as they concern a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FormerUsers {
    /// The secrets of users that do not exist any more.
    pub secrets_of_deleted_users: Vec<UserSecret>,
    /// The users that exist and have this stack's notes, but are not selected.
    pub left: Vec<UserName>,
    /// The number of users that were not looked up.
    pub not_looked_up: usize,
    /// Why a user could not be looked up. The users after it were not looked up either.
    pub problem: Option<AwsError>,
}

impl FormerUsers {
    /// Takes in what IAM says of a user: its tags, or `None` if it does not exist.
    pub fn learn(&mut self, ownership: &SecretOwnership, secret: UserSecret, tags: Option<&[(String, String)]>) {
        match tags {
            None => self.secrets_of_deleted_users.push(secret),
            Some(tags) if ownership.has_left(&secret.user, tags) => self.left.push(secret.user),
            Some(_) => {}
        }
    }

    /// Whether no user is in the middle of a rotation that no run ends. A secret of a deleted user does no harm, and the
    /// permission to look users up is optional.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.left.is_empty() && self.problem.as_ref().is_none_or(is_optional)
    }

    /// One text for each thing that a person must know. A command is on a line of its own. Empty if there is none.
    #[must_use]
    pub fn lines(&self, region: &str) -> Vec<String> {
        let mut lines: Vec<_> = self.left.iter().map(|user| format!("{user}: {WHY_LEFT}")).collect();
        lines.extend(self.secrets_of_deleted_users.iter().map(|secret| {
            let UserSecret { name, .. } = secret;
            let command = secret.deletion(region);
            format!("the secret {name} belongs to a user that no longer exists; to remove it, run:\n{command}")
        }));
        if let Some(problem) = &self.problem {
            lines.push(format!("unknown: {problem}"));
        }
        if self.not_looked_up > 0 {
            lines.push(format!("not looked up: {} with a secret", counted(self.not_looked_up, "more user")));
        }
        lines
    }

    /// The users as JSON for programs.
    #[must_use]
    pub fn json(&self, region: &str) -> Json {
        let deleted = |secret: &UserSecret| json!({ "user": secret.user.as_str(), "secret": secret.name, "command": secret.deletion(region) });
        let mut json = json!({
            "left": self.left.iter().map(|user| json!({ "user": user.as_str(), "why": WHY_LEFT })).collect::<Json>(),
            "secretsOfDeletedUsers": self.secrets_of_deleted_users.iter().map(deleted).collect::<Json>(),
            "notLookedUp": self.not_looked_up,
        });
        if let Some(problem) = &self.problem {
            json["error"] = problem.to_string().into();
        }
        json
    }
}

/// Whether only an optional permission is missing.
#[must_use]
pub fn is_optional(problem: &AwsError) -> bool {
    matches!(problem, AwsError::Denied { .. })
}

/// Why a user that has left needs attention, and what to do. The tags do not say how many keys are active.
const WHY_LEFT: &str = "a person must decide: the user is no longer selected, but it still has the notes of this stack, so two \
                        keys may stay active; select the user again until the rotation is over, or deactivate the older \
                        key by hand; then remove the tags access-key-rotation:…";

impl UserSecret {
    /// The command that deletes the secret. AWS keeps it for 30 days, in which it can be restored.
    fn deletion(&self, region: &str) -> String {
        aws(&format!("secretsmanager delete-secret --secret-id '{}' --region {region}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cfn::json, config, deploy::received_report::ReceivedReport, stack};

    fn ownership_of(settings: &str) -> Option<SecretOwnership> {
        let text = format!("emails: [a@example.com]\nsecret_prefix: team/keys\n{settings}");
        let config = config::read(&text, config::Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
        SecretOwnership::read(&json::to_json(&stack::template(&config).unwrap()), "keys", "eu-west-1").unwrap()
    }

    fn ownership(settings: &str) -> SecretOwnership {
        ownership_of(settings).unwrap()
    }

    fn secret(name: &str, tag: &str, changed: i64) -> ListedSecret {
        let tags = vec![("other".into(), "x".into()), ("access-key-rotation:user".into(), tag.into())];
        ListedSecret { name: name.into(), tags, changed: Some(Timestamp::from_unix(changed)) }
    }

    fn user(name: &str) -> UserName {
        name.parse().unwrap()
    }

    /// The tags of a user after a delivery by the stack with this name.
    fn notes(stack: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let managed_by = Manager::new(stack, "eu-west-1", "another channel").unwrap().note();
        let all = [&[("access-key-rotation:managed-by", managed_by.as_str())], more].concat();
        all.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    const DELIVERED: (&str, &str) =
        ("access-key-rotation:delivered", "key=AKIAEXAMPLE000000002 at=2026-01-01T00:00:00Z");

    fn learned(ownership: &SecretOwnership, name: &str, tags: &[(String, String)]) -> FormerUsers {
        let mut found = FormerUsers::default();
        let secret = UserSecret { name: format!("team/keys/{name}"), user: user(name) };
        found.learn(ownership, secret, Some(tags));
        found
    }

    #[test]
    fn the_settings_are_those_of_the_deployed_function() {
        let read = ownership("users: [alice, /ci/bot]");
        assert_eq!((read.names_begin_with().as_str(), read.list_scope), ("team/keys/", ListScope::Users));
        assert_eq!(ownership("users: [/ci/]").list_scope, ListScope::Account);
        assert_eq!(ownership_of("users: [alice]\ndelivery: email"), None, "mails leave no secret");
        let error = SecretOwnership::read(&json!({}), "keys", "eu-west-1").unwrap_err();
        assert_eq!(error, AwsError::UnreadableSetting("DELIVERY"));
    }

    #[test]
    fn a_secret_counts_only_if_its_name_and_its_tag_name_the_same_user() {
        let ownership = ownership("users: [alice]");
        let found = |name: &str, tag: &str| {
            let found = ownership.of_unseen_users(vec![secret(name, tag, 0)], &[]);
            found.first().map(|secret| secret.user.as_str().to_owned())
        };
        for (name, tag, expected) in [
            ("team/keys/bob", "bob", Some("bob")),
            // A slash replaces a comma.
            ("team/keys/ci/bot", "ci/bot", Some("ci,bot")),
            // The prefix of another stack is longer.
            ("team/keys/eu/bob", "bob", None),
            // A person made it, or another program.
            ("team/keys/bob", "", None),
            ("team/keys-2/bob", "bob", None),
            ("team/bob", "bob", None),
            ("team/keys/", "", None),
        ] {
            assert_eq!(found(name, tag).as_deref(), expected, "{name} {tag}");
        }
        let untagged = ListedSecret { tags: Vec::new(), ..secret("team/keys/bob", "bob", 0) };
        assert_eq!(ownership.of_unseen_users(vec![untagged], &[]), []);
    }

    #[test]
    fn only_users_that_the_dry_run_does_not_show_are_looked_up_the_longest_unchanged_first() {
        let seen = |name: &str| json!({ "user": name, "result": "unchanged", "why": "" });
        let report = json!({ "statusCode": 200, "body": "", "users": [seen("Alice"), seen("ci,bot")] });
        let report = ReceivedReport::read(report).unwrap();
        let secrets = [("alice", 1), ("young", 9), ("ci/bot", 3), ("old", 2)];
        let secrets = secrets.map(|(name, changed)| secret(&format!("team/keys/{name}"), name, changed)).into();
        let found = ownership("users: [alice]").of_unseen_users(secrets, report.users());
        assert_eq!(found.iter().map(|secret| secret.user.as_str()).collect::<Vec<_>>(), ["old", "young"]);
    }

    #[test]
    fn a_user_has_left_if_it_has_notes_of_this_stack_and_is_not_selected() {
        // rotation.yaml may not exempt a user that it names, but the environment of the function may.
        let exempt = ["Bob", "/ci/"].map(|who| who.parse().unwrap()).into();
        let named = &SecretOwnership { exempt, ..ownership("users: [alice, bob, /ci/bot]") };
        let listed = &ownership("users: [/ci/]");
        let intent = ("access-key-rotation:intent:run-1", "at=2026-01-01T00:00:00Z known=AKIAEXAMPLE000000001");
        for (ownership, name, tags, expected) in [
            (named, "carol", notes("keys", &[DELIVERED]), true),
            (named, "carol", notes("keys", &[intent]), true),
            // The intent is over.
            (named, "carol", notes("keys", &[(intent.0, "none")]), false),
            (named, "carol", notes("keys", &[]), false),
            (named, "carol", notes("other", &[DELIVERED]), false),
            (named, "carol", vec![("team".into(), "x".into())], false),
            (named, "carol", notes("keys", &[DELIVERED, ("access-key-rotation:new", "x")]), false),
            // Selected, or exempt by name or path.
            (named, "ALICE", notes("keys", &[DELIVERED]), false),
            (named, "bob", notes("keys", &[DELIVERED]), true),
            (named, "bot", notes("keys", &[DELIVERED]), true),
            // The handler reports it.
            (listed, "carol", notes("keys", &[DELIVERED]), false),
        ] {
            let found = learned(ownership, name, &tags);
            let left: Vec<_> = expected.then(|| user(name)).into_iter().collect();
            assert_eq!((&found.left, found.is_fine()), (&left, !expected), "{name} {tags:?}");
        }
    }

    #[test]
    fn each_finding_says_what_to_do() {
        let mut found = learned(&ownership("users: [alice]"), "carol", &notes("keys", &[DELIVERED]));
        let secret = UserSecret { name: "team/keys/gone".into(), user: user("gone") };
        found.learn(&ownership("users: [alice]"), secret, None);
        let denied = AwsError::Denied { doing: "read (iam:ListUserTags)".into(), message: "no".into() };
        found.problem = Some(denied.clone());
        found.not_looked_up = 3;
        let command = "aws secretsmanager delete-secret --secret-id 'team/keys/gone' --region eu-west-1";
        let expected = [
            format!("carol: {WHY_LEFT}"),
            format!("the secret team/keys/gone belongs to a user that no longer exists; to remove it, run:\n{command}"),
            format!("unknown: {denied}"),
            "not looked up: 3 more users with a secret".to_owned(),
        ];
        assert_eq!(found.lines("eu-west-1"), expected);
        let expected = json!({
            "left": [{ "user": "carol", "why": WHY_LEFT }],
            "secretsOfDeletedUsers": [{ "user": "gone", "secret": "team/keys/gone", "command": command }],
            "notLookedUp": 3,
            "error": denied.to_string(),
        });
        assert_eq!(found.json("eu-west-1"), expected);
        assert_eq!(FormerUsers::default().lines("eu-west-1"), [""; 0]);
    }

    #[test]
    fn a_secret_of_a_deleted_user_and_a_missing_optional_permission_are_no_problem_of_the_stack() {
        let secret = UserSecret { name: "team/keys/gone".into(), user: user("gone") };
        let of = |problem| FormerUsers {
            secrets_of_deleted_users: vec![secret.clone()],
            not_looked_up: 1,
            problem,
            ..FormerUsers::default()
        };
        assert!(of(None).is_fine());
        assert!(of(Some(AwsError::Denied { doing: String::new(), message: String::new() })).is_fine());
        assert!(!of(Some(AwsError::Expired)).is_fine());
    }
}
