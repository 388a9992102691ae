//! A value that is a mapping: each field is read as its type, and an unknown field is an error.

use crate::config::{
    setting_type::{SettingType, ValueProblem},
    suggest,
    tree::{Content, Node},
};

/// The key that merges another mapping, in YAML 1.1.
pub(super) const MERGE_KEY: &str = "<<";
pub(super) const NO_MERGE_KEYS: &str = "merge keys (<<) are not supported";

/// The fields of one mapping, and what is wrong with them so far.
pub(super) struct Fields<'n> {
    node: &'n Node,
    known: Vec<(&'n str, &'n Node, &'n Node)>,
    wrong: Vec<ValueProblem>,
}

impl<'n> Fields<'n> {
    /// The fields with these names. Each other field, and each repeated one, is an error.
    pub(super) fn of(node: &'n Node, entries: &'n [(Node, Node)], names: &[&'static str]) -> Self {
        let mut fields = Self { node, known: Vec::new(), wrong: Vec::new() };
        let mut others = Vec::new();
        for (key, value) in entries {
            match &key.content {
                Content::Text(name) if names.contains(&name.as_str()) => match fields.find(name) {
                    Some((first, _)) => fields.wrong.push(ValueProblem {
                        context: Some(Box::new((first.at.clone(), "first here".into()))),
                        ..ValueProblem::new(format!("{name} is given twice")).at(key).allowed("remove one of them")
                    }),
                    None => fields.known.push((name, key, value)),
                },
                _ => others.push((key, value)),
            }
        }
        let there_are = format!("the fields are: {}", names.join(", "));
        for (key, value) in others {
            let wrong = |message: String| ValueProblem::new(message).at(key);
            let Content::Text(name) = &key.content else {
                fields.wrong.push(wrong("the name of a field must be a word".into()).allowed(&there_are));
                continue;
            };
            if name == MERGE_KEY {
                fields.wrong.push(wrong(NO_MERGE_KEYS.into()).allowed("write the fields of this entry here"));
                continue;
            }
            let unknown = wrong(format!("there is no field {name:?}"));
            fields.wrong.push(match suggest::word(name, names.iter().copied()) {
                Some(meant) => {
                    // The value is checked too, and the field is not missing.
                    if fields.find(meant).is_none() {
                        fields.known.push((meant, key, value));
                    }
                    ValueProblem { meant: Some(meant.to_owned()), ..unknown }
                }
                None => unknown.allowed(&there_are),
            });
        }
        fields
    }

    fn find(&self, name: &str) -> Option<(&'n Node, &'n Node)> {
        self.known.iter().find(|(known, ..)| *known == name).map(|(_, key, value)| (*key, *value))
    }

    /// Reads a field that may be missing.
    pub(super) fn optional<K: SettingType>(&mut self, name: &str) -> Option<K> {
        let (key, value) = self.find(name)?;
        let located = |wrong: ValueProblem| {
            let wrong = if wrong.at.is_some() { wrong } else { wrong.at(value) };
            let wrong = if wrong.at.is_some() { wrong } else { wrong.at(key) };
            ValueProblem { message: format!("{name}: {}", wrong.message), ..wrong }
        };
        K::read(value).map_err(|wrong| self.wrong.extend(wrong.into_iter().map(located))).ok()
    }

    /// Reads a field that must be there.
    pub(super) fn required<K: SettingType>(&mut self, name: &str) -> Option<K> {
        if self.find(name).is_none() {
            self.wrong.push(ValueProblem::new(format!("{name} is missing")).at(self.node));
        }
        self.optional(name)
    }

    /// Refuses a field if it is there.
    pub(super) fn refuse(&mut self, name: &str, wrong: ValueProblem) {
        if let Some((key, _)) = self.find(name) {
            self.wrong.push(ValueProblem { message: format!("{name}: {}", wrong.message), ..wrong.at(key) });
        }
    }

    /// Returns everything that is wrong, if anything is.
    pub(super) fn finish(self) -> Result<(), Vec<ValueProblem>> {
        if self.wrong.is_empty() { Ok(()) } else { Err(self.wrong) }
    }
}
