//! rotation.yaml as a mapping that is read one setting at a time, and the problems that were found so far.

use std::ops::Range;

use crate::config::{
    problem::{Problem, Problems},
    setting::{Setting, plain},
    setting_type::{SettingType, ValueProblem},
    suggest,
    tree::{self, Content, Node},
};

pub(super) struct ConfigDocument<'t> {
    text: &'t str,
    entries: Vec<(String, Node, Node)>,
    /// The settings that the command line overrides. Their values in the file do not matter.
    overridden: Vec<&'static str>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    /// The settings of the rule that is checked now.
    checked: &'static [&'static str],
}

impl<'t> ConfigDocument<'t> {
    /// Reads the text as a mapping of known settings.
    pub(super) fn parse(text: &'t str, known: &[Setting], overridden: Vec<&'static str>) -> Result<Self, Problems> {
        let refused = |at: Range<usize>, message: String, note: &str| {
            Problems::new(vec![Problem::new(text, at, message).note(note)])
        };
        let yaml = "a configuration is YAML: write one `name: value` per line";
        let root = tree::parse(text)
            .map_err(|e| refused(character(text, e.at), format!("this YAML cannot be read: {}", e.problem), yaml))?;
        let mut document =
            Self { text, entries: Vec::new(), overridden, problems: Vec::new(), warnings: Vec::new(), checked: &[] };
        match root.content {
            Content::Map(entries) => entries.iter().for_each(|(key, value)| document.entry(key, value, known)),
            Content::Null => {}
            _ => return Err(refused(root.at, "the file must be a mapping of settings".into(), yaml)),
        }
        Ok(document)
    }

    fn entry(&mut self, key: &Node, value: &Node, known: &[Setting]) {
        let names = || known.iter().map(|setting| setting.name);
        let problem = |message| Problem::new(self.text, key.at.clone(), message);
        let problem = match &key.content {
            Content::Text(name) => match self.find(name) {
                None if names().any(|known| known == name) => {
                    return self.entries.push((name.clone(), key.clone(), value.clone()));
                }
                None => problem(format!("there is no setting {name:?}"))
                    .meant(suggest::word(name, names()).map(str::to_owned))
                    .note(format!("the settings are: {}", names().collect::<Vec<_>>().join(", "))),
                Some((first, _)) => problem(format!("{name} is set twice"))
                    .context(self.text, first.at.clone(), "first here".into())
                    .note("remove one of them"),
            },
            _ => problem("the name of a setting must be a word".into())
                .note(format!("the settings are: {}", names().collect::<Vec<_>>().join(", "))),
        };
        self.problems.push(problem);
    }

    fn find(&self, name: &str) -> Option<(&Node, &Node)> {
        self.entries.iter().find(|(known, ..)| known == name).map(|(_, key, value)| (key, value))
    }

    /// The place of a setting's value; of its name, if it has no value.
    fn place(&self, name: &str) -> Option<Range<usize>> {
        let (key, value) = self.find(name).filter(|_| !self.overridden.contains(&name))?;
        Some(tree::written(key, value))
    }

    /// The place of an item of a setting's list.
    fn item(&self, name: &str, index: usize) -> Option<Range<usize>> {
        let (_, value) = self.find(name).filter(|_| !self.overridden.contains(&name))?;
        let Content::List(items) = &value.content else { return None };
        items.get(index).map(|item| item.at.clone()).filter(|at| !at.is_empty())
    }

    /// A setting's value, or its default. `None` if it is wrong or missing, which becomes a problem.
    pub(super) fn read<K: SettingType>(&mut self, setting: &Setting) -> Option<K> {
        let name = setting.name;
        if self.overridden.contains(&name) {
            return None;
        }
        let read = match (self.find(name), setting.default) {
            (Some((_, value)), _) => K::read(value),
            (None, Some(default)) => K::read(&tree::parse(default).ok()?),
            (None, None) => {
                let missing = Problem::new(self.text, 0..0, format!("{name} is missing"));
                self.problems.push(missing.note(format!(
                    "{}; for example: {}",
                    plain(setting.summary()),
                    setting.sample()
                )));
                return None;
            }
        };
        read.map_err(|wrong| {
            let problems: Vec<_> = wrong.into_iter().map(|wrong| self.wrong(name, wrong)).collect();
            self.problems.extend(problems);
        })
        .ok()
    }

    fn wrong(&self, name: &str, wrong: ValueProblem) -> Problem {
        let at = wrong.at.or_else(|| self.place(name)).unwrap_or_default();
        let mut problem = Problem::new(self.text, at, format!("{name}: {}", wrong.message)).meant(wrong.meant);
        problem.notes.extend(wrong.allowed);
        problem
    }

    /// Begins the check of a rule about these settings. A problem that names another setting is a mistake of the rule.
    pub(super) fn check(&mut self, settings: &'static [&'static str]) {
        self.checked = settings;
    }

    /// Adds a problem: a rule between settings is broken. The caret is under the first of them that is written; the others are
    /// shown.
    pub(super) fn error(&mut self, settings: &[(&str, String)], message: String, fix: &str) {
        let problem = self.between(None, settings, message, fix);
        self.problems.push(problem);
    }

    /// Adds a problem with the caret under an item of another setting's list.
    pub(super) fn error_at(
        &mut self,
        (list, index): (&str, usize),
        settings: &[(&str, String)],
        message: String,
        fix: &str,
    ) {
        debug_assert!(self.checked.contains(&list), "{list} is missing in {:?}", self.checked);
        let blamed = self.item(list, index).or_else(|| self.place(list));
        let problem = self.between(blamed, settings, message, fix);
        self.problems.push(problem);
    }

    /// Adds a warning in place of a problem.
    pub(super) fn warning(&mut self, settings: &[(&str, String)], message: String, fix: &str) {
        let problem = self.between(None, settings, message, fix);
        self.warnings.push(problem);
    }

    fn between(
        &self,
        blamed: Option<Range<usize>>,
        settings: &[(&str, String)],
        message: String,
        fix: &str,
    ) -> Problem {
        debug_assert!(settings.iter().all(|(name, _)| self.checked.contains(name)), "{settings:?}: {:?}", self.checked);
        let written = |(name, _): &&(&str, String)| self.place(name).is_some();
        let mut places = settings.iter().filter(written).filter_map(|(name, _)| Some((*name, self.place(name)?)));
        let first = blamed.or_else(|| places.next().map(|(_, at)| at)).unwrap_or_default();
        let mut problem = Problem::new(self.text, first, message).note(fix);
        for (name, at) in places {
            problem = problem.context(self.text, at, name.to_owned());
        }
        let defaults = settings.iter().filter(|setting| !written(setting) && !self.overridden.contains(&setting.0));
        let defaults: Vec<_> = defaults.map(|(name, value)| format!("{name}: {value}")).collect();
        if defaults.is_empty() { problem } else { problem.note(format!("by default: {}", defaults.join(", "))) }
    }

    /// The warnings, or the problems if there are any.
    pub(super) fn finish(self) -> Result<Vec<Problem>, Problems> {
        if self.problems.is_empty() { Ok(self.warnings) } else { Err(Problems::new(self.problems)) }
    }
}

/// The bytes of the character that begins here.
fn character(text: &str, at: usize) -> Range<usize> {
    at..at + text[at..].chars().next().map_or(0, char::len_utf8)
}
