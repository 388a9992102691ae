//! The change of the template of an organization's members.
//!
//! The template of the administering account contains only the hash of that template. So `synth` needs both templates of
//! the members to judge a change of the hash.

use serde_json::{Value as Json, json};

use super::{Diff, approval::Approval, compare};
use crate::stack::member_template_key;

/// The template of an organization's members, with its key in the artifact bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberTemplate {
    template: Json,
    key: String,
}

impl MemberTemplate {
    /// A template in its canonical form, which was read from the text `document`.
    #[must_use]
    pub fn of(template: Json, document: &str) -> Self {
        Self { template, key: member_template_key(document) }
    }
}

/// The change of the members' template, from the deployed one to the intended one.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberChange {
    /// `None` if there were no members.
    old: Option<MemberTemplate>,
    new: MemberTemplate,
    diff: Diff,
    is_harmless: bool,
}

impl MemberChange {
    /// Compares the templates. `old` is `None` if there were no members.
    #[must_use]
    pub fn between(old: Option<MemberTemplate>, new: MemberTemplate) -> Self {
        let none = json!({ "Resources": {} });
        let diff = compare(old.as_ref().map_or(&none, |old| &old.template), &new.template);
        let is_harmless = Approval::needed(&diff).is_none();
        Self { old, new, diff, is_harmless }
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

    /// Whether `old_url` contains the key of the old template, and `new_url` differs from it only by the new key.
    pub(super) fn is_between_urls(&self, old_url: &str, new_url: &str) -> bool {
        let path = |template: &MemberTemplate| format!("/{}?", template.key);
        let (old, new) = (self.old.as_ref().map(path), path(&self.new));
        old.is_some_and(|old| old_url.contains(&old) && old_url.replacen(&old, &new, 1) == new_url)
    }

    /// Whether the change needs no approval.
    pub(super) const fn is_harmless(&self) -> bool {
        self.is_harmless
    }
}
