//! Shows who else could read new keys, as far as IAM does not show it. The function's environment decides it: who gets
//! a mail with a secret, which public keys encrypt it, and who may read secrets by the policies that the handler
//! writes.

use lambda::contract::{selector::UserSelector, settings::Variable};
use serde_json::Value as Json;

use crate::diff::handler_env::{HandlerEnv, Owner, functions, owner};

/// The ways in which others can read new keys. Each is a sentence without a full stop.
pub(super) fn new_key_readers(old: &Json, new: &Json) -> Vec<String> {
    functions(old, new).flat_map(|(old, new)| more(&old, &new)).collect()
}

fn more(old: &HandlerEnv<'_>, new: &HandlerEnv<'_>) -> Vec<String> {
    let mut all = Vec::new();
    let (before, after) = (old.text(Variable::Delivery), new.text(Variable::Delivery));
    if before != after {
        all.push(format!("new keys go by {after} instead of {before}"));
    }
    let added = |variable| new.items(variable).difference(&old.items(variable)).copied().collect::<Vec<_>>();
    let mut say = |who: Vec<&str>, what: &str| {
        if !who.is_empty() {
            all.push(format!("{} {what}", who.join(" ")));
        }
    };
    if after == "secrets-manager" {
        say(added(Variable::SecretReaders), "may read every user's secret");
    }
    say(added(Variable::EncryptTo), "can open mails with new keys");
    if new.delivers_by_mail() {
        let (before, after) = (old.user_entries(), new.user_entries());
        if after.iter().any(|entry| owner(&after, &entry.selector) == Owner::Administrators) {
            say(added(Variable::Administrators), "gets the keys of users without an owner");
        }
        // If an entry is removed, its users may fall under a wider entry.
        let mut selectors: Vec<&UserSelector> = after.iter().map(|entry| &entry.selector).collect();
        selectors.extend(
            before
                .iter()
                .map(|entry| &entry.selector)
                .filter(|selector| !after.iter().any(|m| m.selector == **selector)),
        );
        for selector in selectors {
            let (before, after) = (owner(&before, selector), owner(&after, selector));
            if before != after && before != Owner::NotChosen {
                all.extend(match after {
                    Owner::NotChosen => None,
                    Owner::Administrators => Some(format!("{selector}'s keys go to the administrators")),
                    Owner::Email(email) => Some(format!("{selector}'s keys go to {email}")),
                });
            }
        }
        if new.honours_user_tags() && !old.honours_user_tags() {
            all.push("whoever may tag a user says which of the known addresses gets its keys".to_owned());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::handler_env::tests::template;

    #[test]
    fn only_new_readers_are_shown() {
        let stored = "users: [alice]\nemails: [a@b.co]\n";
        let owned =
            "users: [{name: alice, owner: o@b.co}, {name: bob, owner: p@b.co}]\nemails: [a@b.co]\ndelivery: email\n";
        let mailed = "users: [alice]\nemails: [a@b.co]\ndelivery: email\n";
        let below = "users: [{name: /ci/, owner: o@b.co}, /ci/bot]\nemails: [a@b.co]\ndelivery: email\n";
        let role = "arn:aws:iam::999999999999:role/x";
        for (old, new, expected) in [
            (stored.to_owned(), stored.to_owned(), vec![]),
            (stored.to_owned(), stored.replace("[a@b.co]", "[a@b.co, c@b.co]"), vec![]),
            (stored.to_owned(), stored.replace("[alice]", "[{name: alice, owner: o@b.co}]"), vec![]),
            (stored.to_owned(), stored.replace("[alice]", "[alice, bob]"), vec![]),
            (
                stored.to_owned(),
                format!("{stored}secret_readers: ['{role}']\n"),
                vec![format!("{role} may read every user's secret")],
            ),
            (format!("{stored}secret_readers: ['{role}']\n"), stored.to_owned(), vec![]),
            (stored.to_owned(), mailed.to_owned(), vec!["new keys go by email instead of secrets-manager".to_owned()]),
            (owned.to_owned(), owned.replace("owner: o@", "owner: p@"), vec!["alice's keys go to p@b.co".to_owned()]),
            (
                owned.to_owned(),
                owned.replace("{name: alice, owner: o@b.co}", "alice"),
                vec!["alice's keys go to the administrators".to_owned()],
            ),
            (owned.to_owned(), owned.replace("[a@b.co]", "[a@b.co, c@b.co]"), vec![]),
            (
                below.to_owned(),
                below.replace(", /ci/bot", ", {name: /ci/bot, owner: p@b.co}"),
                vec!["/ci/bot's keys go to p@b.co".to_owned()],
            ),
            (below.to_owned(), below.replace(", /ci/bot", ""), vec![]),
            (
                below.replace(", /ci/bot", ", {name: /ci/bot, owner: p@b.co}"),
                below.replace(", /ci/bot", ""),
                vec!["/ci/bot's keys go to o@b.co".to_owned()],
            ),
            (
                below.to_owned(),
                format!("{below}user_tags: honoured\n"),
                vec!["whoever may tag a user says which of the known addresses gets its keys".to_owned()],
            ),
            (stored.to_owned(), format!("{stored}user_tags: honoured\n"), vec![]),
            (
                mailed.to_owned(),
                mailed.replace("[a@b.co]", "[a@b.co, c@b.co]"),
                vec!["c@b.co gets the keys of users without an owner".to_owned()],
            ),
        ] {
            assert_eq!(new_key_readers(&template(&old), &template(&new)), expected, "{old}\n{new}");
        }
        assert_eq!(new_key_readers(&Json::Null, &template(stored)), [""; 0], "a new function");
    }
}
