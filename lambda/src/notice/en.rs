//! English.

use std::fmt::Write;

use super::{ComingUp, Mail, Rotated, Where};
use crate::{key::Status, plan::DeleteAfter, report::Summary};

pub(super) fn rotated(facts: &Rotated<'_>) -> Mail {
    let Rotated { user, key, now, .. } = facts;
    let mut body = format!("IAM user {user} has a new access key.\n\nAccess key ID:      {key}\n");
    match &facts.secret {
        Where::InThisMail(secret) => {
            let _ = writeln!(body, "Secret access key:  {}", secret.expose());
            let _ = writeln!(body, "Delivered:          {}", now.to_minute());
            body.push_str("\nWhat to do: put the new key in place of the old one, then delete this mail.\n");
        }
        Where::Encrypted(block) => {
            body.push_str("Secret access key:  in the block below, encrypted\n");
            let _ = writeln!(body, "Delivered:          {}", now.to_minute());
            let commands = block.commands("KEY_FILE");
            let run = if commands.len() == 1 { "run" } else { "run what fits your kind of key" };
            let _ = write!(
                body,
                "\nWhat to do: put the new key in place of the old one. To read it, {run}\n\n{}\nand paste the block, from \
                 its first dashes to its last. Each line must begin at the very left: no \">\", no space before it.\n\n{}",
                commands.concat(),
                block.text
            );
        }
        Where::SecretsManager(name) => {
            let _ = writeln!(body, "Secret access key:  in Secrets Manager, {name}");
            let _ = writeln!(body, "Delivered:          {}", now.to_minute());
            let _ = write!(
                body,
                "\nWhat to do: put the new key in place of the old one. To read it:\n\n    \
                 aws secretsmanager get-secret-value --secret-id '{name}' --query SecretString --output text\n"
            );
        }
    }
    for old in &facts.replaced {
        let _ = write!(body, "\nThe old key {} (created {}) ", old.id, old.created.to_minute());
        let fate = facts.fate();
        let fate_of_key = match (old.status, fate.at_once) {
            (Status::Inactive, _) => "was inactive already".to_owned(),
            (Status::Active, true) => "is deactivated now".to_owned(),
            (Status::Active, false) => format!("works at least until {}", fate.active_until.to_minute()),
        };
        body.push_str(&fate_of_key);
        if old.status == Status::Active && fate.waits_while_in_use {
            body.push_str(", and as long as something still uses it");
        }
        body.push_str(".\n");
        let _ = match fate.deleted {
            DeleteAfter::NextRotation => {
                writeln!(body, "It is deleted at the next rotation; until then it can be reactivated.")
            }
            DeleteAfter::Window(span) if span.as_seconds() == 0 => writeln!(body, "It is deleted once it is inactive."),
            DeleteAfter::Window(span) => {
                writeln!(body, "It is deleted {span} after its deactivation; until then it can be reactivated.")
            }
        };
    }
    Mail { subject: format!("AWS access key rotated: {user}"), body }
}

pub(super) fn coming_up(facts: &ComingUp<'_>) -> Mail {
    let ComingUp { user, key, due } = facts;
    let body = format!(
        "The access key {key} of IAM user {user} will be replaced from {} on.\n\n\
         What to do: nothing yet. The new key will be announced as soon as it is there; know by then where the old one \
         is in use.\n",
        due.to_minute()
    );
    Mail { subject: format!("AWS access key will be replaced: {user}"), body }
}

pub(super) fn summary(s: &Summary) -> String {
    format!(
        "Access keys of {} users checked: {} rotated, {} deactivated, {} deleted, {} failed, {} waiting for a person.",
        s.users, s.rotated, s.deactivated, s.deleted, s.failed, s.needs_person
    )
}
