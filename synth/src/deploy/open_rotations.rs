//! Users that leave the stack in the middle of a rotation. No run finishes it, so `synth deploy` asks.
//!
//! The notes on a user say whether this stack has begun a rotation. They do not say which keys are active: the deployed
//! function knows that.

use lambda::{
    handler::load_users::AccountLists,
    model::user::UserName,
    protocol::{journal::Journal, manager::Manager},
};

use crate::{
    deploy::{
        active_pairs::active_pairs,
        aws::Session,
        interrupt::{Interrupt, Interrupted},
        invoke::{self, InvocationMode, RunCommand},
    },
    diff::leaving::LeavingUsers,
};

/// What is known about the users that leave.
#[derive(Debug, Default)]
struct Findings {
    /// The deployed function must show the keys of these users.
    unclear: Vec<UserName>,
    /// The open rotations. Each is a sentence.
    open: Vec<String>,
    /// What could not be read. Each is a sentence without a full stop.
    problems: Vec<String>,
}

/// The users that leave in the middle of a rotation, each as a sentence. `note` gets a line about what is read, or why
/// it cannot be.
///
/// # Errors
/// [`Interrupted`] if the process was asked to stop.
pub async fn open_rotations(
    session: &Session,
    function: &str,
    leaving: &LeavingUsers,
    interrupt: &Interrupt,
    mut note: impl FnMut(&str),
) -> Result<Vec<String>, Interrupted> {
    let named = leaving.named();
    if named.is_empty() && !leaving.may_be_others() {
        return Ok(Vec::new());
    }
    note(&what_is_read(&named, leaving));
    let Findings { open, problems, .. } = tokio::select! {
        found = find(session, function, leaving, named) => found,
        interrupted = interrupt.pressed() => return Err(interrupted),
    };
    for problem in problems {
        note(&format!("warning: {problem}"));
    }
    Ok(open)
}

fn what_is_read(named: &[UserName], leaving: &LeavingUsers) -> String {
    if leaving.may_be_others() {
        return "Reading the users of the account, to find those that leave".to_owned();
    }
    format!("Reading the notes and the keys of the users that leave: {}", joined(named))
}

async fn find(session: &Session, function: &str, leaving: &LeavingUsers, named: Vec<UserName>) -> Findings {
    let mut found = Findings::default();
    let manager = Manager::new(function, &session.region, "").ok();
    let mut listed_names = Vec::new();
    if leaving.may_be_others() {
        match session.handler().account_users().await {
            Ok(listed) => {
                for user in leaving.among(&listed) {
                    found.learn(&user.name, &user.tags, manager.as_ref(), named.contains(&user.name));
                    listed_names.push(user.name.clone());
                }
            }
            Err(problem) => found.problems.push(format!(
                "it is not known whether a user that a path, a tag or a group selected leaves in the middle of a \
                 rotation: the users of the account cannot be listed (iam:GetAccountAuthorizationDetails): {problem}"
            )),
        }
    }
    for user in named.into_iter().filter(|user| !listed_names.contains(user)) {
        match session.user_tags(&user).await {
            Ok(Some(tags)) => found.learn(&user, &tags, manager.as_ref(), true),
            Ok(None) => {}
            Err(problem) => {
                found.problems.push(format!("the notes on {user} were not read: {problem}"));
                found.unclear.push(user);
            }
        }
    }
    found.with_keys(session, function).await
}

impl Findings {
    /// Takes in the tags of a user that leaves. `always` is whether its keys are shown in any case, also two keys that the
    /// rotation did not make.
    fn learn(&mut self, user: &UserName, tags: &[(String, String)], manager: Option<&Manager>, always: bool) {
        let Ok(journal) = Journal::of_tags(tags) else {
            // Another version may have written the notes.
            self.unclear.push(user.clone());
            return;
        };
        let is_ours = manager.is_none_or(|manager| journal.is_of(manager));
        if let Some(intent) = journal.intents.first().filter(|_| is_ours) {
            self.open.push(format!(
                "{user} leaves in the middle of a rotation, which began {}. No run finishes it: a key with a lost secret \
                 can stay active.",
                intent.at.to_minute()
            ));
        }
        if always || is_ours && journal.delivered.is_some() {
            self.unclear.push(user.clone());
        }
    }

    /// Asks the deployed function which of the unclear users have two active keys.
    async fn with_keys(mut self, session: &Session, function: &str) -> Self {
        if self.unclear.is_empty() {
            return self;
        }
        let names = joined(&self.unclear);
        let order = RunCommand::RoutineFor(std::mem::take(&mut self.unclear));
        match invoke::invoke(session, function, &order, InvocationMode::DryRun).await {
            Ok(report) => self.open.extend(active_pairs(&report).iter().map(|pair| {
                format!("{pair}. No run finishes the rotation of a user that leaves: both keys stay active.")
            })),
            Err(problem) => {
                self.problems.push(format!("it is not known whether {names} have two active keys: {problem}"));
            }
        }
        self
    }
}

fn joined(users: &[UserName]) -> String {
    users.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notes_say_which_rotation_is_open_and_whose_keys_matter() {
        let manager = Manager::new("keys", "eu-west-1", "").unwrap();
        let note = |key: &str, value: &str| (format!("access-key-rotation:{key}"), value.to_owned());
        let ours = note("managed-by", &manager.note());
        let theirs = note("managed-by", &Manager::new("other", "eu-west-1", "").unwrap().note());
        let intent = note("intent:run-1", "at=2026-01-01T00:00:00Z known=AKIAEXAMPLE000000001");
        let delivered = note("delivered", "key=AKIAEXAMPLE000000002 at=2026-01-01T00:00:00Z");
        for (what, tags, always, open, unclear) in [
            ("no notes", vec![], false, false, false),
            ("no notes, but named", vec![], true, false, true),
            ("an intent", vec![ours.clone(), intent.clone()], false, true, false),
            ("a delivery", vec![ours.clone(), delivered.clone()], false, false, true),
            ("both", vec![ours.clone(), intent.clone(), delivered.clone()], false, true, true),
            ("another stack's", vec![theirs, intent, delivered], false, false, false),
            ("a note of another version", vec![ours, note("new", "x")], false, false, true),
        ] {
            let mut found = Findings::default();
            found.learn(&"alice".parse().unwrap(), &tags, Some(&manager), always);
            assert_eq!((!found.open.is_empty(), !found.unclear.is_empty()), (open, unclear), "{what}: {found:?}");
            assert!(found.open.iter().all(|text| text.contains("began 2026-01-01 00:00 UTC.")), "{found:?}");
        }
    }
}
