//! Who could read new keys, as far as IAM does not say it: whom a mail with a secret goes to, whose public keys it is
//! encrypted to, who is let in by the policies that the handler writes on secrets. That stands in the function's environment.

use std::collections::{BTreeMap, BTreeSet};

use lambda::settings::Variable;
use serde_json::Value as Json;

use crate::cfn::view::View;

/// In which ways somebody else gets to read new keys, each as a sentence without a full stop. A function that is new is
/// not compared: with its role, all of it is new.
pub(super) fn who_else_reads(old: &Json, new: &Json) -> Vec<String> {
    let of = |template| {
        let functions = View(template).of("AWS::Lambda::Function");
        functions
            .map(|f| (f.id.to_owned(), Told(&f.properties["Environment"]["Variables"])))
            .collect::<BTreeMap<_, _>>()
    };
    let (old, new) = (of(old), of(new));
    new.iter().filter_map(|(id, new)| Some(more(old.get(id)?, new))).flatten().collect()
}

/// What a function is told.
struct Told<'t>(&'t Json);

impl<'t> Told<'t> {
    fn text(&self, variable: Variable) -> &'t str {
        self.0[variable.name()].as_str().unwrap_or_default()
    }

    /// A list's items, of which `none` is the word for none: no other holds one of these marks but an SSH key, of which each part says as much.
    fn items(&self, variable: Variable) -> BTreeSet<&'t str> {
        self.text(variable).split([' ', ',', ';']).filter(|item| !item.is_empty() && *item != "none").collect()
    }

    /// Each user with its owner.
    fn owners(&self) -> BTreeMap<&'t str, Option<&'t str>> {
        let users = self.text(Variable::Users).split(' ');
        users.map(|word| word.split_once(':').map_or((word, None), |(user, owner)| (user, Some(owner)))).collect()
    }

    fn mails_secrets(&self) -> bool {
        self.text(Variable::Delivery).starts_with("email")
    }
}

fn more(old: &Told<'_>, new: &Told<'_>) -> Vec<String> {
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
    if new.mails_secrets() {
        let (before, after) = (old.owners(), new.owners());
        if after.values().any(Option::is_none) {
            say(added(Variable::Administrators), "gets the keys of users without an owner");
        }
        for (user, owner) in after {
            if before.get(user).is_some_and(|before| *before != owner) {
                all.push(format!("{user}'s keys go to {}", owner.unwrap_or("the administrators")));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cfn::json::to_json,
        config::{self, Overrides},
        stack,
    };

    fn template(settings: &str) -> Json {
        let text = format!("stack_name: keys\n{settings}");
        let config = config::read(&text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
        to_json(&stack::template(&config).unwrap())
    }

    #[test]
    fn somebody_else_who_reads_is_seen_and_nothing_else() {
        let stored = "users: [alice]\nemails: [a@b.co]\n";
        let owned =
            "users: [{name: alice, owner: o@b.co}, {name: bob, owner: p@b.co}]\nemails: [a@b.co]\ndelivery: email\n";
        let mailed = "users: [alice]\nemails: [a@b.co]\ndelivery: email\n";
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
                mailed.to_owned(),
                mailed.replace("[a@b.co]", "[a@b.co, c@b.co]"),
                vec!["c@b.co gets the keys of users without an owner".to_owned()],
            ),
        ] {
            assert_eq!(who_else_reads(&template(&old), &template(&new)), expected, "{old}\n{new}");
        }
        assert_eq!(who_else_reads(&Json::Null, &template(stored)), [""; 0], "a new function");
    }
}
