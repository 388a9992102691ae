//! What a notice says in one language, in its parts, and how these parts make a mail: first what to do, then what
//! happened.

use super::NoticeOrigin;
use crate::model::{access_key::AccessKeyId, parse_error::one_line, time::Timestamp, user::UserName};

/// A mail. Its body may hold a secret, so it has no `Debug`.
pub struct Mail {
    /// The subject: one line, under 100 characters (SNS API Reference, "Publish").
    pub subject: String,
    /// The text of the mail, without markup.
    pub body: String,
}

/// What a notice says in one language.
#[derive(Default)]
pub(super) struct NoticeText {
    /// The subject without the user.
    pub(super) title: String,
    /// What to do, as sentences.
    pub(super) todo: String,
    /// The commands for it.
    pub(super) how: Option<HowTo>,
    /// What happened, as sentences.
    pub(super) happened: String,
    /// Why a step failed, why a person must decide, or who must confirm.
    pub(super) reason: Option<String>,
    /// The facts, each with its label. A value can be a secret.
    pub(super) facts: Vec<(&'static str, String)>,
    /// What comes last, with a line break at its end: an encrypted block, or the lists of a digest.
    pub(super) attachment: String,
}

/// Commands, and where to run them.
#[derive(Default)]
pub(super) struct HowTo {
    /// The paragraph before the commands.
    pub(super) before: String,
    pub(super) commands: Vec<String>,
    /// The paragraph after the commands; it can be empty.
    pub(super) after: String,
}

/// The command that activates a key.
pub(super) fn activate(user: &UserName, key: &AccessKeyId) -> String {
    format!("aws iam update-access-key --user-name '{user}' --access-key-id {key} --status Active")
}

/// The command that removes a tag from the user.
pub(super) fn untag(user: &UserName, tag: &str) -> String {
    format!("aws iam untag-user --user-name '{user}' --tag-keys '{tag}'")
}

/// The words of one language around the parts of a notice.
pub(super) struct Layout {
    pub(super) todo: &'static str,
    pub(super) deadline: &'static str,
    pub(super) user: &'static str,
    pub(super) account: &'static str,
    pub(super) region: &'static str,
    pub(super) stack: &'static str,
    /// Writes a fact as a line.
    pub(super) line: fn(&str, &str) -> String,
    /// What comes between the title and the user in a subject.
    pub(super) about: &'static str,
}

/// The longest subject that SNS accepts, in characters ("Publish": Subject).
const LONGEST_SUBJECT: usize = 99;

impl Layout {
    /// The mail with this text.
    pub(super) fn mail(
        &self,
        text: &NoticeText,
        origin: NoticeOrigin<'_>,
        user: Option<&UserName>,
        deadline: Option<Timestamp>,
    ) -> Mail {
        let account = origin.account_name.with_id(origin.account);
        let place = [(self.account, account.as_str()), (self.region, origin.region), (self.stack, origin.stack)];
        let user_line = user.map(|user| (self.user, user.as_str()));
        let place = user_line.into_iter().chain(place).collect::<Vec<_>>();
        Mail { subject: self.subject(&text.title, user), body: self.body(text, deadline, &place) }
    }

    /// The text of a mail. `place` says what the mail is about and where that is.
    pub(super) fn body(&self, text: &NoticeText, deadline: Option<Timestamp>, place: &[(&str, &str)]) -> String {
        let mut body = format!("{}: {}\n", self.todo, text.todo);
        if let Some(deadline) = deadline {
            body += &format!("{}: {}\n", self.deadline, deadline.to_minute());
        }
        if let Some(how) = &text.how {
            body += &format!("\n{}\n\n", how.before);
            for command in &how.commands {
                body += &format!("    {command}\n");
            }
            if !how.after.is_empty() {
                body += &format!("\n{}\n", how.after);
            }
        }
        body += &format!("\n{}\n\n", text.happened);
        let facts = text.facts.iter().map(|(label, value)| (self.line)(label, value));
        body.extend(facts);
        if !text.facts.is_empty() && !place.is_empty() {
            body.push('\n');
        }
        body.extend(place.iter().map(|(label, value)| (self.line)(label, value)));
        if !text.attachment.is_empty() {
            body += &format!("\n{}", text.attachment);
        }
        body
    }

    /// The title and the user. A user name that does not fit is cut.
    fn subject(&self, title: &str, user: Option<&UserName>) -> String {
        let Some(user) = user else { return title.to_owned() };
        let start = format!("{title}{}", self.about);
        let room = LONGEST_SUBJECT.saturating_sub(start.chars().count());
        // A user name is ASCII.
        match user.as_str() {
            name if name.len() <= room => start + name,
            name => start + name.get(..room.saturating_sub(3)).unwrap_or_default() + "...",
        }
    }
}

/// The subject of a mail for a member of an organization: the account in brackets, and the member's own subject on one line.
/// A subject that does not fit is cut.
pub(super) fn subject_in_account(account: &str, subject: &str) -> String {
    let whole = format!("[{account}] {}", one_line(subject));
    if whole.chars().count() <= LONGEST_SUBJECT {
        return whole;
    }
    let cut: String = whole.chars().take(LONGEST_SUBJECT - 3).collect();
    cut + "..."
}
