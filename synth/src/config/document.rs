//! rotation.yaml as a mapping that is read one setting at a time, and the problems that were found so far.

use std::ops::Range;

use crate::config::{
    entry::FIELDS,
    fields::{MERGE_KEY, NO_MERGE_KEYS},
    problem::{Problem, Problems},
    setting::{Setting, plain},
    setting_type::{SettingType, ValueProblem},
    suggest,
    tree::{self, Content, Node},
    yaml_mistake,
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
        let root = tree::parse(text).map_err(|error| yaml_mistake::explain(text, &error, known))?;
        let mut document =
            Self { text, entries: Vec::new(), overridden, problems: Vec::new(), warnings: Vec::new(), checked: &[] };
        match root.content {
            Content::Map(entries) => document.entries_of(&entries, known),
            Content::Null => document.is_enough_without_settings(known)?,
            Content::Text(_) => return Err(yaml_mistake::no_setting(text, root.at.start).into()),
            _ => {
                let problem = Problem::new(text, root.at, "the file must be a mapping of settings".into());
                return Err(problem.note("write each setting as `name: value`, in a line of its own").into());
            }
        }
        Ok(document)
    }

    /// A file without settings is enough if the command line gives those without a default.
    fn is_enough_without_settings(&self, known: &[Setting]) -> Result<(), Problems> {
        let needed = |setting: &&Setting| setting.default.is_none() && !self.overridden.contains(&setting.name);
        let lines: Vec<_> = known.iter().filter(needed).map(|setting| format!("\n{}", setting.sample())).collect();
        let message = match self.text.trim_matches(['\u{feff}', '\n', '\r', ' ', '\t']) {
            "" => "the file is empty",
            _ => "the file has no settings, only comments or empty lines",
        };
        if lines.is_empty() {
            return Ok(());
        }
        Err(Problem::new(self.text, 0..0, message.into())
            .note(format!("write at least these lines:{}", lines.concat()))
            .into())
    }

    /// Keeps the known settings. Everything else becomes a problem.
    fn entries_of(&mut self, entries: &[(Node, Node)], known: &[Setting]) {
        let is_known =
            |(key, _): &&(Node, Node)| matches!(&key.content, Content::Text(name) if is_setting(name, known));
        // A misspelt setting stands for the one that is meant, unless that is set too.
        entries.iter().filter(is_known).for_each(|(key, value)| self.setting(key, value));
        entries.iter().filter(|entry| !is_known(entry)).for_each(|(key, value)| self.unknown(key, value, known));
    }

    fn setting(&mut self, key: &Node, value: &Node) {
        let Content::Text(name) = &key.content else { return };
        match self.find(name) {
            None => self.entries.push((name.clone(), key.clone(), value.clone())),
            Some((first, _)) => {
                let problem = Problem::new(self.text, key.at.clone(), format!("{name} is set twice"));
                let problem = problem.context(self.text, first.at.clone(), "first here".into());
                self.problems.push(problem.note("remove one of them"));
            }
        }
    }

    fn unknown(&mut self, key: &Node, value: &Node, known: &[Setting]) {
        let names = || known.iter().map(|setting| setting.name);
        let problem = |message| Problem::new(self.text, key.at.clone(), message);
        let Content::Text(name) = &key.content else {
            let problem = problem("the name of a setting must be a word".into()).note(list_of(names()));
            return self.problems.push(problem);
        };
        if name == MERGE_KEY {
            let problem = problem(NO_MERGE_KEYS.into()).note("write the settings themselves");
            return self.problems.push(problem);
        }
        let unknown = problem(format!("there is no setting {name:?}"));
        if let Some(meant) = suggest::word(name, names()) {
            self.problems.push(unknown.meant(Some(meant.to_owned())));
            if self.find(meant).is_none() {
                self.entries.push((meant.to_owned(), key.clone(), value.clone()));
            }
            return;
        }
        let has_settings = |entries: &[(Node, Node)]| {
            entries.iter().any(|(key, _)| matches!(&key.content, Content::Text(name) if is_setting(name, known)))
        };
        if let Content::Map(below) = &value.content
            && has_settings(below)
        {
            let is_one_line =
                below.first().is_some_and(|(first, _)| !self.text[key.at.end..first.at.start].contains('\n'));
            self.problems.push(unknown.note(if is_one_line {
                format!("remove {name}, and write each of its settings as `name: value` in a line of its own")
            } else {
                format!("settings begin in the first column: remove {name}: and the spaces before the lines below it")
            }));
            return self.entries_of(below, known);
        }
        let is_field = FIELDS.iter().any(|(field, _)| field == name);
        self.problems.push(unknown.note(if is_field {
            format!("{name} is a field of an entry of users: {{name: alice, {name}: …}}")
        } else {
            list_of(names())
        }));
    }

    /// Whether the command line gives this setting, so that the file does not matter.
    pub(super) fn is_overridden(&self, name: &str) -> bool {
        self.overridden.contains(&name)
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
        match wrong.context {
            Some(context) => problem.context(self.text, context.0, context.1),
            None => problem,
        }
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

    /// Adds a warning with the caret under an item of a setting's list.
    pub(super) fn warning_at(&mut self, (list, index): (&str, usize), message: String, fix: &str) {
        debug_assert!(self.checked.contains(&list), "{list} is missing in {:?}", self.checked);
        let mut problem = self.between(self.item(list, index), &[], message, fix);
        problem.is_in_file = !self.is_overridden(list);
        self.warnings.push(problem);
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

fn is_setting(name: &str, known: &[Setting]) -> bool {
    known.iter().any(|setting| setting.name == name)
}

fn list_of<'s>(names: impl Iterator<Item = &'s str>) -> String {
    format!("the settings are: {}", names.collect::<Vec<_>>().join(", "))
}
