//! The handler's settings in a function's environment, in both templates. IAM cannot show what they mean.
//!
//! They are read with the handler's own code, so that a setting means here what it means in a run.

use std::collections::BTreeMap;

use lambda::contract::settings::{Settings, Variable};
use serde_json::{Map, Value as Json};

use crate::{
    cfn::{
        text::{Piece, pieces},
        view::View,
    },
    diff::possible_users::{PossibleUser, possible_users},
};

/// Where a change of a variable is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ComparedBy {
    /// `key_access.rs`: who can read new keys.
    Readers,
    /// `key_timing.rs`: what happens to keys, and when.
    Timing,
    /// `selection.rs`: which users are rotated.
    Selection,
    /// The comparison of permissions: the role's policy follows the variable, and allows nothing that differs from it.
    Iam,
    /// The comparison of the template's resources: the variable only refers to one of them.
    Template,
    /// Nothing, because no change of it lets others read a key, or ends a key earlier.
    Harmless,
}

/// Where each variable is compared. A new variable needs a row here: the compiler demands it.
const fn compared_by(variable: Variable) -> &'static [ComparedBy] {
    use ComparedBy::{Harmless, Iam, Readers, Selection, Template, Timing};
    match variable {
        // The role shows which users are new. An entry can also have an owner and times of its own.
        Variable::Users => &[Readers, Timing, Iam],
        Variable::Exempt => &[Selection],
        Variable::UserTags => &[Readers, Timing, Selection],
        Variable::RotateAfter
        | Variable::Overlap
        | Variable::DeleteAfter
        | Variable::StillInUse
        | Variable::WaitAtMost
        | Variable::DisabledUsers
        | Variable::UnusedAfter
        | Variable::UnconfirmedRecipients
        // An endpoint counts as a recipient, so that users without a confirmed address no longer wait.
        | Variable::Notify => &[Timing],
        Variable::Delivery
        | Variable::Administrators
        | Variable::EncryptTo
        | Variable::SecretReaders
        | Variable::SecretKmsKey => &[Readers],
        // The role names the secrets by their prefix, and the tags with which it may create them.
        Variable::SecretPrefix | Variable::SecretTags => &[Readers, Iam],
        Variable::TopicArn | Variable::EventBusArn | Variable::AccountId => &[Template],
        // No key waits for the warning. The mails have the same recipients in each language. The digest repeats what other
        // notices and the run report say.
        Variable::WarnBefore | Variable::Language | Variable::AccountName | Variable::Digest => &[Harmless],
    }
}

/// What is compared if only the old function lacks a variable, because an earlier version had none. With this value, the
/// fewest people read keys and each key lasts longest. `None` if there is no such value.
const fn before_its_time(variable: Variable) -> Option<&'static str> {
    match variable {
        Variable::Exempt | Variable::Notify | Variable::SecretReaders | Variable::SecretTags => Some("none"),
        Variable::UserTags => Some("ignored"),
        Variable::StillInUse => Some("wait"),
        Variable::WaitAtMost => Some("forever"),
        Variable::DisabledUsers => Some("skip"),
        Variable::UnusedAfter => Some("never"),
        Variable::UnconfirmedRecipients => Some("hold"),
        Variable::WarnBefore => Some("0"),
        Variable::Language => Some("en"),
        Variable::Digest => Some("always"),
        Variable::Users
        | Variable::RotateAfter
        | Variable::Overlap
        | Variable::DeleteAfter
        | Variable::Delivery
        | Variable::Administrators
        | Variable::TopicArn
        | Variable::EventBusArn
        | Variable::AccountId
        | Variable::EncryptTo
        | Variable::SecretPrefix
        | Variable::SecretKmsKey
        // The handler itself needs no value of it.
        | Variable::AccountName => None,
    }
}

/// Whether changes of the environment variable with this name are compared by their meaning. The comparison of the
/// template must decide about every other one, also about `TOPIC_ARN`: only the template shows which topic it is.
pub(super) fn compared(name: &str) -> bool {
    let variable = Variable::ALL.into_iter().find(|variable| variable.name() == name);
    variable.is_some_and(|variable| !compared_by(variable).contains(&ComparedBy::Template))
}

/// A function of the new template that runs the handler.
pub(super) struct HandlerChange {
    /// What it reads from its environment in the old template. `None` if it is new.
    pub old: Option<Settings>,
    /// What it reads from its environment in the new template.
    pub new: Settings,
    /// Users that stand for all users that it rotates in both templates.
    pub users: Vec<PossibleUser>,
}

/// The functions of the new template that run the handler.
#[derive(Default)]
pub(super) struct Handlers {
    /// Those with settings that can be compared.
    pub changes: Vec<HandlerChange>,
    /// The settings that cannot be compared, and why. Each is a sentence without a full stop.
    pub undecided: Vec<String>,
    /// Whether the new template has such a function.
    pub is_there: bool,
}

impl Handlers {
    pub(super) fn of(old: &Json, new: &Json) -> Self {
        let environments = |template| {
            View(template)
                .of("AWS::Lambda::Function")
                .map(|function| (function.id, &function.properties["Environment"]["Variables"]))
                .collect::<BTreeMap<_, _>>()
        };
        let (before, after) = (environments(old), environments(new));
        let same_values = same_values(old, new);
        let mut handlers = Self { is_there: after.values().any(|after| is_handler(after)), ..Self::default() };
        for (id, after) in after {
            let before = before.get(id).copied().filter(|before| is_handler(before));
            let is_same = before == Some(after) && same_values;
            if is_same || before.is_none() && !is_handler(after) {
                continue;
            }
            let old = before.map(|variables| read(variables, "old", before_its_time)).transpose();
            match (old, read(after, "new", |_| None)) {
                (Ok(old), Ok(new)) => match possible_users(old.as_ref(), &new) {
                    Some(users) => handlers.changes.push(HandlerChange { old, new, users }),
                    None => handlers.undecided.push(format!("{id}: {} has too many entries", Variable::Users.name())),
                },
                (old, new) => {
                    let problems = [old.err(), new.err()].into_iter().flatten().flatten();
                    handlers.undecided.extend(problems.map(|problem| format!("{id}: {problem}")));
                }
            }
        }
        handlers
    }
}

/// Whether a reference has the same value as before, because what it can refer to is the same.
pub(super) fn same_values(old: &Json, new: &Json) -> bool {
    ["Parameters", "Mappings", "Conditions", "Transform"].iter().all(|section| old.get(section) == new.get(section))
}

/// Whether a function with these variables can be the handler: without these two, it handles no user.
pub(super) fn is_handler(variables: &Json) -> bool {
    [Variable::Users, Variable::RotateAfter].iter().all(|variable| variables.get(variable.name()).is_some())
}

/// Reads the settings as the handler does. `missing` is the value of a variable that is not there.
fn read(
    variables: &Json,
    which: &str,
    missing: impl Fn(Variable) -> Option<&'static str>,
) -> Result<Settings, Vec<String>> {
    let none = Map::new();
    let given = variables.as_object().unwrap_or(&none);
    let is_unclear = |variable: &Variable| {
        stand_in(*variable).is_none() && given.get(variable.name()).is_some_and(|value| literal(value).is_none())
    };
    let unclear: Vec<_> = Variable::ALL
        .into_iter()
        .filter(is_unclear)
        .map(|variable| format!("the {which} value of {} is not a plain text", variable.name()))
        .collect();
    if !unclear.is_empty() {
        return Err(unclear);
    }
    let lookup = |name: &str| {
        let variable = Variable::ALL.into_iter().find(|variable| variable.name() == name)?;
        let is_given = variable == Variable::TopicArn || given.contains_key(name);
        if let Some(value) = stand_in(variable).filter(|_| is_given) {
            return Some(value.to_owned());
        }
        given.get(name).and_then(literal).or_else(|| missing(variable).map(str::to_owned))
    };
    let settings = Settings::from_environment(lookup);
    settings.map_err(|error| vec![format!("the {which} value of {} {}", error.name, error.problem)])
}

/// A value in place of one that does not matter here, and that the template only refers to.
const fn stand_in(variable: Variable) -> Option<&'static str> {
    match variable {
        Variable::TopicArn => Some("arn:aws:sns:us-east-1:000000000000:any"),
        Variable::EventBusArn => Some("arn:aws:events:us-east-1:000000000000:event-bus/any"),
        Variable::AccountId => Some("000000000000"),
        _ => None,
    }
}

/// A value that is the same text in each deployment.
fn literal(value: &Json) -> Option<String> {
    match pieces(value)?.as_slice() {
        [] => Some(String::new()),
        [Piece::Literal(text)] => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diff::{
        Diff,
        approval::{Approval, ApprovalReason},
        compare,
        test_templates::template,
    };

    const SETTINGS: &str = "users: [alice]\nemails: [a@b.co]\n";

    /// The template with another value of a variable.
    fn with(settings: &str, variable: Variable, value: Json) -> Json {
        let mut template = template(settings);
        template["Resources"]["Function"]["Properties"]["Environment"]["Variables"][variable.name()] = value;
        template
    }

    /// A configuration, and a line of it with a value that lets others read keys, or ends them earlier, if any can.
    fn change(variable: Variable) -> (&'static str, &'static str) {
        match variable {
            Variable::Users => ("delivery: email", "users: [{name: alice, owner: o@b.co}]"),
            Variable::Exempt => ("exempt: [/ops/]", "exempt: []"),
            Variable::UserTags => ("delivery: email\nusers: [{name: /ci/, owner: o@b.co}]", "user_tags: honoured"),
            Variable::RotateAfter => ("", "rotate_after: 50d"),
            Variable::Overlap => ("", "overlap: 1d"),
            Variable::DeleteAfter => ("", "delete_after: 1d"),
            Variable::StillInUse => ("", "still_in_use: retire"),
            Variable::WaitAtMost => ("", "wait_at_most: 1d"),
            Variable::DisabledUsers => ("", "disabled_users: replace"),
            Variable::UnusedAfter => ("", "unused_after: 45d"),
            Variable::UnconfirmedRecipients => ("", "unconfirmed_recipients: proceed"),
            Variable::Delivery => ("", "delivery: email"),
            Variable::WarnBefore => ("warn_before: 7d", "warn_before: 0"),
            Variable::Language => ("", "language: ja"),
            Variable::AccountName => ("", "account_name: payments-prod"),
            Variable::Digest => ("", "digest: never"),
            Variable::Administrators | Variable::TopicArn | Variable::EventBusArn | Variable::AccountId => {
                ("delivery: email", "emails: [a@b.co, c@b.co]")
            }
            Variable::Notify => ("", "notify: ['https://hooks.example.com/keys']"),
            Variable::EncryptTo => (KEYS[0], KEYS[1]),
            Variable::SecretPrefix => ("", "secret_prefix: elsewhere"),
            Variable::SecretReaders => ("", "secret_readers: ['arn:aws:iam::999999999999:role/x']"),
            Variable::SecretKmsKey => (
                "secret_kms_key: arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555",
                "secret_kms_key: aws/secretsmanager",
            ),
            Variable::SecretTags => ("", "tags: {team: a}"),
        }
    }

    const KEYS: [&str; 2] = [
        "delivery: email-encrypted\nencrypt_to: [age12kdw45yzvn2hjhfep9ccehg9402f2uhgflj4ty8w7vdg3gy0ml7sca9a3m]",
        "encrypt_to: [age1dv3up40nt5d3r7dks0ctpfshx4w7kyf80kg6uzga8xwx2ku8jsxs0y2mds]",
    ];

    /// The settings, of which later ones replace earlier ones.
    fn settings(more: &str, change: &str) -> String {
        let lines = SETTINGS.lines().chain(more.lines()).chain(change.lines());
        let by_name: BTreeMap<_, _> = lines.map(|line| (line.split_once(':').map(|(name, _)| name), line)).collect();
        by_name.into_values().collect::<Vec<_>>().join("\n") + "\n"
    }

    /// The variables that not only members of an organization have.
    fn of_every_stack() -> impl Iterator<Item = Variable> {
        let members = [Variable::EventBusArn, Variable::AccountId];
        Variable::ALL.into_iter().filter(move |variable| !members.contains(variable))
    }

    /// The diff of a change of one setting, and of the same change of the function's environment alone.
    fn diffs(variable: Variable) -> [Diff; 2] {
        let (more, change) = change(variable);
        let (old, new) = (template(&settings(more, "")), template(&settings(more, change)));
        let mut only = old.clone();
        let variables = "/Resources/Function/Properties/Environment/Variables";
        let value = new.pointer(variables).unwrap()[variable.name()].clone();
        only.pointer_mut(variables).unwrap()[variable.name()] = value;
        [compare(&old, &new), compare(&old, &only)]
    }

    /// A new variable cannot be forgotten: the match in `change` needs a row, and the row shows where it is compared.
    #[test]
    fn each_variable_is_compared_where_the_table_says() {
        for variable in of_every_stack() {
            let name = variable.name();
            let [whole, only] = diffs(variable);
            for place in compared_by(variable) {
                let (is_seen, approval) = match place {
                    ComparedBy::Readers => (!only.new_readers.is_empty(), true),
                    // One change of `users` cannot show everything.
                    ComparedBy::Timing if [Variable::Users, Variable::UserTags].contains(&variable) => (true, true),
                    ComparedBy::Timing => (!only.earlier.is_empty(), true),
                    ComparedBy::Selection => (!only.newly_rotated.is_empty(), true),
                    ComparedBy::Iam if variable == Variable::Users => (true, true),
                    ComparedBy::Iam => (!whole.iam.places.is_empty(), true),
                    ComparedBy::Template => (only.is_empty() && !whole.resources.is_empty(), true),
                    ComparedBy::Harmless => (!only.is_empty(), Approval::needed(&whole).is_some()),
                };
                assert!(is_seen, "{name}: {place:?}\n{only:#?}");
                assert_eq!(approval, *place != ComparedBy::Harmless, "{name}");
            }
            assert!(only.unknown.is_empty(), "{name}: {only:#?}");
            assert_eq!(compared(name), variable != Variable::TopicArn, "{name}");
        }
        assert!(!compared("AWS_ENDPOINT_URL") && !compared("users"));
    }

    #[test]
    fn a_value_that_cannot_be_read_needs_approval() {
        let old = template(SETTINGS);
        for variable in Variable::ALL.into_iter().filter(|variable| stand_in(*variable).is_none()) {
            for value in [json!({"Ref": "AWS::Region"}), json!({"Fn::If": ["A", "a", "b"]}), json!(null), json!("; /")]
            {
                let odd = with(SETTINGS, variable, value.clone());
                for (old, new) in [(&old, &odd), (&odd, &old)] {
                    // Without encryption, nothing reads the public keys.
                    let is_read = variable != Variable::EncryptTo || value != json!("; /");
                    let undecided = Handlers::of(old, new).undecided;
                    assert_eq!(undecided.is_empty(), !is_read, "{} {value}: {undecided:?}", variable.name());
                }
                assert_eq!(Handlers::of(&odd, &odd).undecided, [""; 0], "{} {value}", variable.name());
            }
        }
        // The same reference can have another value.
        let mut odd = with(SETTINGS, Variable::Users, json!({"Ref": "Users"}));
        odd["Parameters"]["Users"] = json!({"Type": "String", "Default": "alice"});
        let mut other = odd.clone();
        other["Parameters"]["Users"]["Default"] = json!("bob");
        let expected = ["old", "new"].map(|which| format!("Function: the {which} value of USERS is not a plain text"));
        let diff = compare(&odd, &other);
        assert!(diff.unknown.ends_with(&expected), "{:?}", diff.unknown);
        assert!(Approval::needed(&diff).unwrap().reasons.contains(&ApprovalReason::NotKnown));
    }

    /// A function of an earlier version has fewer variables.
    #[test]
    fn a_new_setting_with_its_safest_value_needs_no_approval() {
        let safe = format!("{SETTINGS}warn_before: 0\n");
        for variable in Variable::ALL.into_iter().filter(|variable| before_its_time(*variable).is_some()) {
            let new = template(&safe);
            let mut old = new.clone();
            let variables = &mut old["Resources"]["Function"]["Properties"]["Environment"]["Variables"];
            variables.as_object_mut().unwrap().shift_remove(variable.name()).unwrap();
            let diff = compare(&old, &new);
            assert!(!diff.is_empty() && Approval::needed(&diff).is_none(), "{}: {diff:#?}", variable.name());
            let back = compare(&new, &old);
            let expected = format!("Function: the new value of {} is missing", variable.name());
            assert_eq!(back.unknown, [expected]);
        }
    }
}
