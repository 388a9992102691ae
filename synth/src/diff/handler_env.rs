//! What a function is told: its environment, of which IAM does not know what it means.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use lambda::contract::{selector::UserSelector, settings::Variable, user_entry::UserEntry, user_tags::UserTags};
use serde_json::Value as Json;

use crate::cfn::view::View;

/// Each function that both templates have, as the old one tells it and as the new one does. A function that is new is not
/// compared: with its role, all of it is new.
pub(super) fn functions<'t>(old: &'t Json, new: &'t Json) -> impl Iterator<Item = (Told<'t>, Told<'t>)> {
    let of = |template: &'t Json| {
        let functions = View(template).of("AWS::Lambda::Function");
        functions
            .map(|f| (f.id.to_owned(), Told(&f.properties["Environment"]["Variables"])))
            .collect::<BTreeMap<_, _>>()
    };
    let (mut old, new) = (of(old), of(new));
    new.into_iter().filter_map(move |(id, new)| Some((old.remove(&id)?, new)))
}

/// What a function is told.
pub(super) struct Told<'t>(&'t Json);

impl<'t> Told<'t> {
    pub(super) fn text(&self, variable: Variable) -> &'t str {
        self.0[variable.name()].as_str().unwrap_or_default()
    }

    /// A list's items, of which `none` is the word for none: no other holds one of these marks but an SSH key, of which each part
    /// says as much.
    pub(super) fn items(&self, variable: Variable) -> BTreeSet<&'t str> {
        self.text(variable).split([' ', ',', ';']).filter(|item| !item.is_empty() && *item != "none").collect()
    }

    /// Whose keys are rotated. An earlier build wrote an owner behind a colon.
    pub(super) fn members(&self) -> Vec<UserEntry> {
        let member = |word: &str| word.parse().or_else(|_| word.replacen(':', ";owner=", 1).parse()).ok();
        self.text(Variable::Users).split_ascii_whitespace().filter_map(member).collect()
    }

    /// Whose are not; `none` is nobody.
    pub(super) fn exempt(&self) -> Vec<UserSelector> {
        let text = Some(self.text(Variable::Exempt)).filter(|text| *text != "none");
        text.unwrap_or_default().split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()
    }

    pub(super) fn believes_tags(&self) -> bool {
        self.text(Variable::UserTags) == UserTags::Honoured.to_string()
    }

    pub(super) fn mails_secrets(&self) -> bool {
        self.text(Variable::Delivery).starts_with("email")
    }
}

/// Who gets the keys of some users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner<'m> {
    /// Nobody: they are not chosen.
    NotChosen,
    /// Those who administer, for nobody owns them.
    Administrators,
    /// This address.
    Email(&'m str),
}

/// Who owns those whom `who` means: the narrowest entry around them that names an owner says it.
pub(super) fn owner<'m>(members: &'m [UserEntry], who: &UserSelector) -> Owner<'m> {
    let mut around: Vec<_> = members.iter().filter(|member| member.who.contains(who)).collect();
    around.sort_by_key(|member| Reverse(member.who.narrowness()));
    match around.iter().find_map(|member| member.own.owner.as_ref()) {
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

    /// What a configuration with these settings makes.
    pub(in crate::diff) fn template(settings: &str) -> Json {
        let text = format!("stack_name: keys\n{settings}");
        let config = config::read(&text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
        to_json(&stack::template(&config).unwrap())
    }
}
