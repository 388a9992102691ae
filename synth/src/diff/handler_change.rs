//! A function that runs the handler, with what it reads from its environment in both templates.
//!
//! The settings are read with the handler's own code, so that a setting means here what it means in a run. The function
//! of a member of an organization runs in many accounts, and an entry of `users` can be for one of them. So the settings
//! are read once in each account that an entry names, and once in an account that no entry names.

use std::collections::{BTreeMap, BTreeSet};

use lambda::{
    contract::settings::{Settings, Variable},
    model::account_id::AccountId,
};
use serde_json::{Map, Value as Json};

use crate::{
    cfn::{
        text::{Piece, pieces},
        view::View,
    },
    diff::{
        handler_env::{stand_in, value_before_introduction},
        possible_users::{MOST, PossibleUser, possible_users},
    },
};

/// A function of the new template that runs the handler.
pub(super) struct HandlerChange {
    /// What it reads from its environment in the old template, in an account that no entry of `users` names. `None` if
    /// it is new.
    pub old: Option<Settings>,
    /// What it reads from its environment in the new template, in the same account.
    pub new: Settings,
    /// Users that stand for all users that it rotates in both templates.
    pub users: Vec<PossibleUser>,
    /// The settings in both templates, for each account that an entry names.
    named: BTreeMap<AccountId, ReadSettings>,
}

/// The settings that a function reads in the old and in the new template.
type ReadSettings = (Option<Settings>, Settings);

impl HandlerChange {
    /// Reads the variables of a function. The problems are ends of sentences that begin with its logical id.
    fn of(before: Option<&Json>, after: &Json) -> Result<Self, Vec<String>> {
        let read = |account: &str| -> Result<ReadSettings, Vec<String>> {
            let old = before.map(|variables| read(variables, "old", account, value_before_introduction)).transpose();
            match (old, read(after, "new", account, |_| None)) {
                (Ok(old), Ok(new)) => Ok((old, new)),
                (old, new) => Err([old.err(), new.err()].into_iter().flatten().flatten().collect()),
            }
        };
        let (old, new) = read(&other_account(before.into_iter().chain([after])))?;
        let all = || [&new].into_iter().chain(&old);
        // Without an organization, no account is known to be that of the function.
        let in_accounts = all().any(|settings| settings.organization.is_some());
        let entries = all().flat_map(Settings::entries).filter(|_| in_accounts);
        let accounts: BTreeSet<AccountId> = entries.filter_map(|entry| entry.account.clone()).collect();
        let named = accounts.into_iter().map(|account| Ok((account.clone(), read(account.as_str())?)));
        let named = named.collect::<Result<BTreeMap<_, _>, Vec<String>>>()?;
        let mut users = possible_users(None, old.as_ref(), &new);
        for (account, (old, new)) in &named {
            let more = possible_users(Some(account), old.as_ref(), new);
            users = users.zip(more).map(|(users, more)| [users, more].concat()).filter(|users| users.len() <= MOST);
        }
        let mut users = users.ok_or_else(|| vec![format!("{} has too many entries", Variable::Users.name())])?;
        // The users that stand for the most come first.
        users.sort_by_key(PossibleUser::narrowness);
        Ok(Self { old, new, users, named })
    }

    /// The settings before and after, as the handler reads them in the account of this user.
    pub(super) fn settings_for(&self, user: &PossibleUser) -> (Option<&Settings>, &Settings) {
        let own = user.account.as_ref().and_then(|account| self.named.get(account));
        own.map_or((self.old.as_ref(), &self.new), |(old, new)| (old.as_ref(), new))
    }
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
            match HandlerChange::of(before, after) {
                Ok(change) => handlers.changes.push(change),
                Err(problems) => {
                    handlers.undecided.extend(problems.into_iter().map(|problem| format!("{id}: {problem}")));
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

/// The id of an account that no entry of `users` names.
fn other_account<'v>(variables: impl Iterator<Item = &'v Json> + Clone) -> String {
    let users = variables.filter_map(|variables| variables[Variable::Users.name()].as_str());
    let is_free = |id: &String| !users.clone().any(|users| users.contains(id.as_str()));
    // There are more of these ids than words in an environment.
    (0..MOST).map(|number| format!("{number:012}")).find(is_free).unwrap_or_default()
}

/// Reads the settings as the handler does in this account. `missing` is the value of a variable that is not there.
fn read(
    variables: &Json,
    which: &str,
    account: &str,
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
        match stand_in(variable).filter(|_| is_given) {
            Some(_) if variable == Variable::AccountId => Some(account.to_owned()),
            Some(value) => Some(value.to_owned()),
            None => given.get(name).and_then(literal).or_else(|| missing(variable).map(str::to_owned)),
        }
    };
    let settings = Settings::from_environment(lookup);
    settings.map_err(|error| vec![format!("the {which} value of {} {}", error.name, error.problem)])
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
        test_templates::{member_template, template},
    };

    const SETTINGS: &str = "users: [alice]\nemails: [a@b.co]\n";

    /// The template with another value of a variable.
    fn with(variable: Variable, value: Json) -> Json {
        let mut template = template(SETTINGS);
        template["Resources"]["Function"]["Properties"]["Environment"]["Variables"][variable.name()] = value;
        template
    }

    #[test]
    fn a_value_that_cannot_be_read_needs_approval() {
        let old = template(SETTINGS);
        for variable in Variable::ALL.into_iter().filter(|variable| stand_in(*variable).is_none()) {
            for value in [json!({"Ref": "AWS::Region"}), json!({"Fn::If": ["A", "a", "b"]}), json!(null), json!("; /")]
            {
                let odd = with(variable, value.clone());
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
        let mut odd = with(Variable::Users, json!({"Ref": "Users"}));
        odd["Parameters"]["Users"] = json!({"Type": "String", "Default": "alice"});
        let mut other = odd.clone();
        other["Parameters"]["Users"]["Default"] = json!("bob");
        let expected = ["old", "new"].map(|which| format!("Function: the {which} value of USERS is not a plain text"));
        let diff = compare(&odd, &other);
        assert!(diff.unknown.ends_with(&expected), "{:?}", diff.unknown);
        assert!(Approval::needed(&diff).unwrap().reasons.contains(&ApprovalReason::NotKnown));
    }

    /// What a change of the members' `users` or of other settings means, with the accounts in which it holds.
    #[test]
    fn what_holds_in_one_account_is_said_of_this_account() {
        let sentences = |diff: &Diff| {
            [&diff.new_readers, &diff.newly_notified, &diff.newly_rotated, &diff.earlier, &diff.leaving]
                .map(|lines| lines.join("; "))
                .into_iter()
                .filter(|line| !line.is_empty())
                .collect::<Vec<_>>()
        };
        let ci = "{name: ci, account: '111122223333', owner: o@b.co}";
        let other = "{name: ci, account: '444455556666'}";
        for (old, new, expected) in [
            (format!("[/m/, {ci}]"), format!("[/m/, {ci}]"), &[][..]),
            // The same in all accounts is said once.
            (
                format!("[/m/, {ci}, {other}]\nrotate_after: 60d"),
                format!("[/m/, {ci}, {other}]\nrotate_after: 40d"),
                &["a key is replaced after 40d instead of 60d (rotate_after): /m/, ci in 111122223333, \
                     ci in 444455556666"],
            ),
            (
                format!("[/m/, {ci}, {other}]"),
                format!("[/m/, {}, {other}]", ci.replace("o@b.co", "o@b.co, overlap: 1d")),
                &["an old key stays active for 1d instead of 7d (overlap): ci in 111122223333"],
            ),
            (
                format!("[/m/, {ci}]"),
                format!("[/m/, {}]", ci.replace("o@b.co", "p@b.co")),
                &["p@b.co gets the notices about ci in 111122223333"],
            ),
            (format!("[/m/, {ci}]"), format!("[/m/, {ci}, {other}]"), &["ci in 444455556666 is selected"]),
            (format!("[/m/, {ci}, {other}]"), format!("[/m/, {ci}]"), &["ci in 444455556666 is no longer selected"]),
            // A user of one account can be below a path, too.
            (
                "[/m/]".to_owned(),
                "[/m/, {name: /m/ci, account: '111122223333', overlap: 1d}]".to_owned(),
                &["an old key stays active for 1d instead of 7d (overlap): /m/ci in 111122223333"],
            ),
            // In the other accounts, the user has the times of the path.
            (
                "[{name: /m/, overlap: 9d}, {name: /m/ci, account: '111122223333', overlap: 5d}]".to_owned(),
                "[{name: /m/, overlap: 8d}, {name: /m/ci, account: '111122223333', overlap: 5d}]".to_owned(),
                &["an old key stays active for 8d instead of 9d (overlap): /m/"],
            ),
        ] {
            let [old, new] = [old, new].map(|users| member_template(&format!("emails: [a@b.co]\nusers: {users}\n")));
            let diff = compare(&old, &new);
            assert_eq!(sentences(&diff), expected, "{old:#}\n{new:#}");
            // Nothing about an account is undecided.
            assert_eq!(diff.unknown, [""; 0]);
            let asks = expected.iter().any(|line| !line.ends_with("no longer selected"));
            assert_eq!(Approval::needed(&diff).is_some(), asks, "{expected:?}");
            assert_ne!(diff.iam.verdict, crate::iam::compare::Verdict::Unknown);
        }
    }
}
