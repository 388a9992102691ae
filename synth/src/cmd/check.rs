//! `synth check`: checks that generated files are up to date, that their parts fit together, and that AWS's limits allow them.
//!
//! Without arguments it checks the project: every file that `synth generate` writes. With templates, it checks these, also if
//! another tool made them. With `--config` or `--template`, it checks one template and its configuration.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::cmd::{
    CommandError, Exit, config_args,
    generated_files::{self, GeneratedFile},
    note,
};
use crate::{
    cfn::{read, yaml},
    check::wiring::{self, TemplateOrigin},
    config::Overrides,
    limits,
    screen::wrapped,
    shell::quoted_path,
};

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Check these templates, in YAML or JSON, without a configuration
    #[arg(value_name = "TEMPLATE", conflicts_with_all = ["config", "template"])]
    templates: Vec<PathBuf>,
    /// Check the template of this configuration instead of the whole project
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The committed template of the configuration, in YAML [default: the file in templates/ with the configuration's name]
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
}

/// One problem of a file, and how to fix it.
struct Finding {
    file: String,
    problem: String,
    fix: String,
}

/// The problems that were found, and a line for each file without problems.
#[derive(Default)]
struct Findings {
    wrong: Vec<Finding>,
    fine: Vec<String>,
}

pub(super) fn run(args: &CheckArgs) -> Result<(), CommandError> {
    let mut findings = Findings::default();
    if !args.templates.is_empty() {
        for path in &args.templates {
            let (text, template) = read_template(path)?;
            findings.template(path, &text, &template, None, "keeps within the limits and fits together");
        }
    } else if args.config.is_some() || args.template.is_some() {
        let config = args.config.clone().unwrap_or_else(|| "rotation.yaml".into());
        let path = args.template.clone().unwrap_or_else(|| generated_files::template_path(&config));
        findings.document(&one(&config, path)?);
    } else {
        generated_files::documents()?.iter().for_each(|document| findings.document(document));
    }
    findings.tell()
}

/// One template and its configuration.
fn one(config: &Path, path: PathBuf) -> Result<GeneratedFile, CommandError> {
    let from = config.display().to_string();
    let read = config_args::read(config, Overrides::default())?;
    let template = read.template()?;
    let command = format!("run: synth template --config {} --output {}", quoted_path(config), quoted_path(&path));
    Ok(GeneratedFile {
        path,
        from,
        command,
        text: yaml::emit(&template),
        stack_name: Some(read.config.stack_name.as_str().to_owned()),
    })
}

/// Reads a template: its text, and the template in canonical form.
pub(super) fn read_template(path: &Path) -> Result<(String, Json), CommandError> {
    let file = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|e| CommandError::bad_input(format!("{file}: cannot be read: {e}")))?;
    let template = read::read(&text).map_err(|e| CommandError::bad_input(format!("{file}: not a template: {e}")))?;
    if template.get("Resources").is_none_or(|resources| !resources.is_object()) {
        return Err(CommandError::bad_input(format!("{file}: not a template: it has no Resources")));
    }
    Ok((text, template))
}

impl Findings {
    fn wrong(&mut self, path: &Path, problem: String, fix: impl Into<String>) {
        self.wrong.push(Finding { file: path.display().to_string(), problem, fix: fix.into() });
    }

    /// Checks that a generated file is up to date. A template is also checked by itself.
    fn document(&mut self, document: &GeneratedFile) {
        let GeneratedFile { path, from, command, text, stack_name } = document;
        let committed = match std::fs::read_to_string(path) {
            Ok(committed) => committed,
            Err(e) => return self.wrong(path, format!("cannot be read: {e}"), command.as_str()),
        };
        let fresh = committed == *text;
        if !fresh {
            self.wrong(
                path,
                format!("is not what {from} generates: {}", difference(&committed, text)),
                command.as_str(),
            );
        }
        let says = format!("is what {from} generates");
        match (stack_name, read::read(&committed)) {
            (Some(name), Ok(template)) => {
                self.template(path, &committed, &template, Some(name), if fresh { &says } else { "" });
            }
            _ if fresh => self.fine.push(format!("{} {says}", path.display())),
            _ => {}
        }
    }

    /// Checks that the parts of a template fit together and that AWS's limits allow it.
    fn template(&mut self, path: &Path, text: &str, template: &Json, stack_name: Option<&str>, says: &str) {
        let before = self.wrong.len();
        let origin = if stack_name.is_some() { TemplateOrigin::Generated } else { TemplateOrigin::AnyTool };
        for fault in wiring::faults(template, origin) {
            self.wrong(path, format!("{}: {}", fault.at, fault.problem), fault.fix);
        }
        for measure in limits::measures(template, text, stack_name).into_iter().filter(limits::Measure::exceeded) {
            if measure.refused {
                self.wrong(path, measure.to_string(), measure.fix);
            } else {
                note(&format!("warning: {} {measure}\n  fix: {}", path.display(), measure.fix));
            }
        }
        if self.wrong.len() == before && !says.is_empty() {
            self.fine.push(format!("{} {says}", path.display()));
        }
    }

    fn tell(self) -> Result<(), CommandError> {
        self.fine.iter().for_each(|line| println!("{line}"));
        if self.wrong.is_empty() {
            return Ok(());
        }
        let errors = self
            .wrong
            .iter()
            .map(|f| format!("{}  fix: {}\n", wrapped("", &format!("error: {} {}", f.file, f.problem)), f.fix));
        Err(CommandError::diagnostics(Exit::Stale, errors.collect()))
    }
}

/// The first line in which two texts differ, in words.
fn difference(committed: &str, generated: &str) -> String {
    let (mut old, mut new) = (committed.lines(), generated.lines());
    for line in 1.. {
        match (old.next(), new.next()) {
            (Some(old), Some(new)) if old == new => {}
            (None, None) => break,
            (old, new) => {
                let shown =
                    |line: Option<&str>| line.map_or("nothing more".into(), |line| format!("{:?}", line.trim()));
                return format!("line {line} is {}, but should be {}", shown(old), shown(new));
            }
        }
    }
    "its line endings differ".into()
}
