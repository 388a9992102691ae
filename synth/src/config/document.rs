//! rotation.yaml as a mapping that is read setting by setting, and the problems found on the way.

use std::ops::Range;

use crate::config::{
    problem::{Problem, Problems},
    setting::Setting,
    setting_type::{Kind, Wrong},
    suggest,
    tree::{self, Content, Node},
};

pub(super) struct Document<'t> {
    text: &'t str,
    entries: Vec<(String, Node<'t>, Node<'t>)>,
    /// Settings that the command line gives: what the file says of them does not matter.
    overridden: Vec<&'static str>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl<'t> Document<'t> {
    /// Reads the text as a mapping of known settings.
    pub(super) fn parse(text: &'t str, known: &[Setting], overridden: Vec<&'static str>) -> Result<Self, Problems> {
        let refused = |at: Range<usize>, message: String, note: &str| {
            Problems::new(vec![Problem::new(text, at, message).note(note)])
        };
        let yaml = "a configuration is YAML: one `name: value` a line";
        let root = tree::parse(text)
            .map_err(|e| refused(e.at..e.at + 1, format!("this is not YAML that can be read: {}", e.why), yaml))?;
        let mut document = Self { text, entries: Vec::new(), overridden, problems: Vec::new(), warnings: Vec::new() };
        match root.content {
            Content::Map(entries) => entries.iter().for_each(|(key, value)| document.entry(key, value, known)),
            Content::Null => {}
            _ => return Err(refused(root.at, "the file must be a mapping".into(), yaml)),
        }
        Ok(document)
    }

    fn entry(&mut self, key: &Node<'t>, value: &Node<'t>, known: &[Setting]) {
        let names = || known.iter().map(|setting| setting.name);
        let problem = |message| Problem::new(self.text, key.at.clone(), message);
        let problem = match &key.content {
            Content::Text(name) => match self.find(name) {
                None if names().any(|known| known == name) => {
                    return self.entries.push((name.clone().into_owned(), key.clone(), value.clone()));
                }
                None => problem(format!("there is no setting {name:?}"))
                    .meant(suggest::word(name, names()).map(str::to_owned))
                    .note(format!("there are: {}", names().collect::<Vec<_>>().join(", "))),
                Some((first, _)) => problem(format!("{name} is set twice: a duplicate"))
                    .context(self.text, first.at.clone(), "first here".into())
                    .note("remove one of them"),
            },
            _ => problem("a setting's name must be a word".into())
                .note(format!("there are: {}", names().collect::<Vec<_>>().join(", "))),
        };
        self.problems.push(problem);
    }

    fn find(&self, name: &str) -> Option<(&Node<'t>, &Node<'t>)> {
        self.entries.iter().find(|(known, ..)| known == name).map(|(_, key, value)| (key, value))
    }

    /// Where a setting's value is written; where it has none, its name.
    fn place(&self, name: &str) -> Option<Range<usize>> {
        let (key, value) = self.find(name).filter(|_| !self.overridden.contains(&name))?;
        Some(tree::written(key, value))
    }

    /// Where an item of a setting's list is written.
    fn item(&self, name: &str, index: usize) -> Option<Range<usize>> {
        let (_, value) = self.find(name).filter(|_| !self.overridden.contains(&name))?;
        let Content::List(items) = &value.content else { return None };
        items.get(index).map(|item| item.at.clone()).filter(|at| !at.is_empty())
    }

    /// A setting's value, or its default; none if it is wrong, which becomes a problem.
    pub(super) fn read<K: Kind>(&mut self, setting: &Setting) -> Option<K> {
        let name = setting.name;
        if self.overridden.contains(&name) {
            return None;
        }
        let read = match (self.find(name), setting.default) {
            (Some((_, value)), _) => K::read(value),
            (None, Some(default)) => K::read(&tree::parse(default).ok()?),
            (None, None) => {
                let missing = Problem::new(self.text, 0..0, format!("{name} is missing"));
                self.problems.push(missing.note(format!("{}; write it as in: {}", setting.doc, setting.sample())));
                return None;
            }
        };
        read.map_err(|wrong| {
            let problems: Vec<_> = wrong.into_iter().map(|wrong| self.wrong(name, wrong)).collect();
            self.problems.extend(problems);
        })
        .ok()
    }

    fn wrong(&self, name: &str, wrong: Wrong) -> Problem {
        let at = wrong.at.or_else(|| self.place(name)).unwrap_or_default();
        let mut problem = Problem::new(self.text, at, format!("{name}: {}", wrong.message)).meant(wrong.meant);
        problem.notes.extend(wrong.allowed);
        problem
    }

    /// A rule between settings is broken: the first of them that is written takes the blame, the others are shown.
    pub(super) fn broken(&mut self, settings: &[(&str, String)], message: String, fix: &str) {
        let problem = self.between(None, settings, message, fix);
        self.problems.push(problem);
    }

    /// The same, where an item of another setting's list takes the blame.
    pub(super) fn broken_by(
        &mut self,
        (list, index): (&str, usize),
        settings: &[(&str, String)],
        message: String,
        fix: &str,
    ) {
        let blamed = self.item(list, index).or_else(|| self.place(list));
        let problem = self.between(blamed, settings, message, fix);
        self.problems.push(problem);
    }

    /// The same, as something that a careful person wants to know.
    pub(super) fn dubious(&mut self, settings: &[(&str, String)], message: String, fix: &str) {
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

    /// The warnings, unless there are problems.
    pub(super) fn finish(self) -> Result<Vec<Problem>, Problems> {
        if self.problems.is_empty() { Ok(self.warnings) } else { Err(Problems::new(self.problems)) }
    }
}
