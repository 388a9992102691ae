//! The change of the template of an organization's members.
//!
//! The template of the administering account contains only the hash of that template. So `synth` needs both templates of
//! the members to judge a change of the hash.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::{Diff, approval::Approval, compare};
use crate::{
    cfn::view::{View, text},
    stack::member_template_key,
};

/// The template of an organization's members, with its key in the artifact bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberTemplate {
    template: Json,
    key: String,
}

/// One of two templates that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The template before the change.
    Old,
    /// The template after the change.
    New,
}

/// The URLs of the members' templates in the template of an administering account.
pub(super) fn member_template_urls(template: &Json) -> BTreeSet<String> {
    let sets = View(template).of("AWS::CloudFormation::StackSet");
    sets.map(|set| text(&set.properties["TemplateURL"])).collect()
}

impl MemberTemplate {
    /// A template in its canonical form, which was read from the text `document`.
    #[must_use]
    pub fn of(template: Json, document: &str) -> Self {
        Self { template, key: member_template_key(document) }
    }

    /// Whether it has any resource.
    #[must_use]
    pub fn has_resources(&self) -> bool {
        self.template["Resources"].as_object().is_some_and(|resources| !resources.is_empty())
    }

    /// The part of a URL that names the template.
    fn path(&self) -> String {
        format!("/{}?", self.key)
    }
}

/// The change of the members' template, from the deployed one to the intended one.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberChange {
    /// `None` if there were no members.
    old: Option<MemberTemplate>,
    new: MemberTemplate,
    diff: Diff,
}

impl MemberChange {
    /// Compares the templates. `old` is `None` if there were no members.
    #[must_use]
    pub fn between(old: Option<MemberTemplate>, new: MemberTemplate) -> Self {
        let none = json!({ "Resources": {} });
        let diff = compare(old.as_ref().map_or(&none, |old| &old.template), &new.template);
        Self { old, new, diff }
    }

    /// The difference in each member account. `None` if nothing changes.
    #[must_use]
    pub fn diff(&self) -> Option<&Diff> {
        Some(&self.diff).filter(|diff| !diff.is_empty())
    }

    /// The new template in its canonical form.
    pub(super) const fn new_template(&self) -> &Json {
        &self.new.template
    }

    /// Which of these templates of an administering account names another template of the members. `None` if neither does.
    #[must_use]
    pub fn misnamed_in(&self, old: &Json, new: &Json) -> Option<Side> {
        let names = |template: &Json, members: &MemberTemplate| {
            let urls = member_template_urls(template);
            !urls.is_empty() && urls.iter().all(|url| url.contains(&members.path()))
        };
        let is_right =
            self.old.as_ref().map_or_else(|| member_template_urls(old).is_empty(), |members| names(old, members));
        if !is_right {
            return Some(Side::Old);
        }
        (!names(new, &self.new)).then_some(Side::New)
    }

    /// Whether each StackSet had the old template of the members and gets the new one, from the same place.
    pub(super) fn is_named(&self, old: &Json, new: &Json) -> bool {
        let Some(members) = &self.old else { return false };
        let moved =
            member_template_urls(old).iter().map(|url| url.replacen(&members.path(), &self.new.path(), 1)).collect();
        self.misnamed_in(old, new).is_none() && member_template_urls(new) == moved && moved.len() == 1
    }

    /// Whether the change needs no approval.
    pub(super) fn is_harmless(&self) -> bool {
        Approval::needed(&self.diff).is_none()
    }
}
