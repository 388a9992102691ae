//! The settings in a function's environment. IAM cannot show what they mean.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use lambda::contract::{selector::UserSelector, settings::Variable, user_entry::UserEntry, user_tags::UserTags};
use serde_json::Value as Json;

use crate::cfn::view::View;

/// Each function in both templates, with its old and its new environment. A new function is not compared: it and its
/// role are completely new.
pub(super) fn functions<'t>(old: &'t Json, new: &'t Json) -> impl Iterator<Item = (HandlerEnv<'t>, HandlerEnv<'t>)> {
    let of = |template: &'t Json| {
        let functions = View(template).of("AWS::Lambda::Function");
        functions
            .map(|f| (f.id.to_owned(), HandlerEnv(&f.properties["Environment"]["Variables"])))
            .collect::<BTreeMap<_, _>>()
    };
    let (mut old, new) = (of(old), of(new));
    new.into_iter().filter_map(move |(id, new)| Some((old.remove(&id)?, new)))
}

/// Whether some module of this folder compares what this variable of the handler's environment means.
pub(super) fn compared(name: &str) -> bool {
    VARIABLES.iter().any(|variable| variable.name() == name)
}

/// The variables that are compared.
const VARIABLES: [Variable; 22] = [
    Variable::Users,
    Variable::Exempt,
    Variable::UserTags,
    Variable::RotateAfter,
    Variable::Overlap,
    Variable::DeleteAfter,
    Variable::StillInUse,
    Variable::WaitAtMost,
    Variable::DisabledUsers,
    Variable::UnusedAfter,
    Variable::UnconfirmedRecipients,
    Variable::Delivery,
    Variable::WarnBefore,
    Variable::Language,
    Variable::Digest,
    Variable::Administrators,
    Variable::TopicArn,
    Variable::EncryptTo,
    Variable::SecretPrefix,
    Variable::SecretReaders,
    Variable::SecretKmsKey,
    Variable::SecretTags,
];

/// The environment variables of a function.
pub(super) struct HandlerEnv<'t>(&'t Json);

impl<'t> HandlerEnv<'t> {
    pub(super) fn text(&self, variable: Variable) -> &'t str {
        self.0[variable.name()].as_str().unwrap_or_default()
    }

    /// The items of a list; the word `none` means an empty list. Only SSH keys contain separators. Each part of a key
    /// is then an item, which distinguishes keys as well.
    pub(super) fn items(&self, variable: Variable) -> BTreeSet<&'t str> {
        self.text(variable).split([' ', ',', ';']).filter(|item| !item.is_empty() && *item != "none").collect()
    }

    /// The users whose keys are rotated. An earlier version wrote the owner after a colon.
    pub(super) fn user_entries(&self) -> Vec<UserEntry> {
        let entry = |word: &str| word.parse().or_else(|_| word.replacen(':', ";owner=", 1).parse()).ok();
        self.text(Variable::Users).split_ascii_whitespace().filter_map(entry).collect()
    }

    /// The users whose keys are never rotated. The word `none` means that there are none.
    pub(super) fn exempt(&self) -> Vec<UserSelector> {
        let text = Some(self.text(Variable::Exempt)).filter(|text| *text != "none");
        text.unwrap_or_default().split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()
    }

    pub(super) fn honours_user_tags(&self) -> bool {
        self.text(Variable::UserTags) == UserTags::Honoured.to_string()
    }

    pub(super) fn delivers_by_mail(&self) -> bool {
        self.text(Variable::Delivery).starts_with("email")
    }
}

/// The owner of some users, who gets their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner<'m> {
    /// The users are not selected, so no keys are sent.
    NotChosen,
    /// The users have no owner, so the administrators get the keys.
    Administrators,
    /// The owner with this address gets the keys.
    Email(&'m str),
}

/// The owner of the users that `selector` selects. It is in the narrowest entry that contains them and names an owner.
pub(super) fn owner<'m>(entries: &'m [UserEntry], selector: &UserSelector) -> Owner<'m> {
    let mut around: Vec<_> = entries.iter().filter(|entry| entry.selector.contains(selector)).collect();
    around.sort_by_key(|entry| Reverse(entry.selector.narrowness()));
    match around.iter().find_map(|entry| entry.overrides.owner.as_ref()) {
        Some(email) => Owner::Email(email.as_str()),
        None if around.is_empty() => Owner::NotChosen,
        None => Owner::Administrators,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        cfn::json::to_json,
        config::{self, Overrides},
        stack,
    };

    /// The template of a configuration with these settings.
    pub(in crate::diff) fn template(settings: &str) -> Json {
        let text = format!("stack_name: keys\n{settings}");
        let config = config::read(&text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
        to_json(&stack::template(&config).unwrap())
    }
}
