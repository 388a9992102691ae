//! The variables with the handler's settings: which file of `diff` compares each of them. IAM cannot show what they mean.

use lambda::contract::settings::Variable;

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
pub(super) const fn value_before_introduction(variable: Variable) -> Option<&'static str> {
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

/// A value in place of one that does not matter here, and that the template only refers to.
pub(super) const fn stand_in(variable: Variable) -> Option<&'static str> {
    match variable {
        Variable::TopicArn => Some("arn:aws:sns:us-east-1:000000000000:any"),
        Variable::EventBusArn => Some("arn:aws:events:us-east-1:000000000000:event-bus/any"),
        Variable::AccountId => Some("000000000000"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::diff::{Diff, approval::Approval, compare, test_templates::template};

    const SETTINGS: &str = "users: [alice]\nemails: [a@b.co]\n";

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

    /// A function of an earlier version has fewer variables.
    #[test]
    fn a_new_setting_with_its_safest_value_needs_no_approval() {
        let safe = format!("{SETTINGS}warn_before: 0\n");
        for variable in Variable::ALL.into_iter().filter(|variable| value_before_introduction(*variable).is_some()) {
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
