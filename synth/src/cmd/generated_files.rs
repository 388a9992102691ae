//! The project's generated files: the path, the source and the expected text of each.

use std::path::{Path, PathBuf};

use crate::cmd::{CommandError, Exit, config_args};
use crate::{
    cfn::{Value, json, yaml},
    config::{self, Config},
    docs::{
        configuration, graph,
        templates_readme::{self, Origin, Sheet},
    },
    stack::artifacts,
};

/// The first configuration. Each further one is a file beside it, and has a stack of its own.
const CONFIG: &str = "rotation.yaml";
/// The folder with more configurations. Each has a template of its own.
const EXAMPLES: &str = "examples";
/// The folder with the templates and the page about them.
const TEMPLATES: &str = "templates";
/// The template of the artifact stack of the first configuration. Those of the others differ only in names and tags.
const ARTIFACTS: &str = "artifacts.yaml";
/// The page with the picture of the first template, and the name of the page about the templates.
const README: &str = "README.md";
/// The page that explains each setting.
const SETTINGS_PAGE: &str = "docs/configuration.md";
/// The JSON Schema of the notices for programs.
const NOTICE_SCHEMA: &str = "docs/notice.schema.json";
/// The lines before and after the picture.
const BLOCK: [&str; 2] = ["<!-- generated: synth graph -->\n", "<!-- end of what is generated -->\n"];

/// The fix for every file that is not up to date.
const COMMAND: &str = "run: make synth";

/// A file that is generated, in whole or in part.
pub(super) struct GeneratedFile {
    /// The path of the file.
    pub(super) path: PathBuf,
    /// The source of the file, for messages.
    pub(super) from: String,
    /// The command that writes the file, for messages.
    pub(super) command: String,
    /// The text that the file should have.
    pub(super) text: String,
    /// The name of the stack, if the file is a template.
    pub(super) stack_name: Option<String>,
}

/// One configuration and its template.
struct Pair {
    from: PathBuf,
    file: String,
    config: Config,
    template: Value,
    document: String,
    /// The template of the members, and its text, if the configuration serves an organization.
    members: Option<(Value, String)>,
}

/// Every generated file of the project in this folder.
pub(super) fn documents() -> Result<Vec<GeneratedFile>, CommandError> {
    let mut deployed = configurations(".");
    deployed.retain(|path| path != Path::new(CONFIG));
    deployed.insert(0, PathBuf::from(CONFIG));
    let is_deployed = |path: &Path| deployed.iter().any(|deployed| deployed == path);
    let configurations = deployed.iter().cloned().chain(configurations(EXAMPLES));
    // The problems of all configurations are reported together.
    let (mut pairs, mut problems) = (Vec::new(), Vec::new());
    for from in configurations {
        match pair(from) {
            Ok(pair) => pairs.push(pair),
            Err(stop) => problems.push(stop.to_string()),
        }
    }
    if !problems.is_empty() {
        return Err(CommandError::diagnostics(Exit::BadInput, problems.join("\n")));
    }
    for (index, Pair { from, file, config, .. }) in pairs.iter().enumerate() {
        let earlier = pairs[..index].iter();
        // An example is not deployed, so its stack may have any name.
        let twin = earlier.clone().find(|pair| pair.config.stack_name == config.stack_name && is_deployed(from));
        let from = from.display();
        if let Some(twin) = twin {
            return Err(CommandError::bad_input(format!(
                "{from}: {} has the same stack_name, so each deployment would replace the other's stack; change the name in one of them",
                twin.from.display()
            )));
        }
        let other = match file {
            _ if file == ARTIFACTS => "the template of the artifact bucket",
            _ if earlier.clone().any(|pair| pair.file == *file) => "another configuration",
            _ if earlier.clone().any(|pair| pair.other_files().contains(file)) => "a template of an organization",
            _ => continue,
        };
        return Err(CommandError::bad_input(format!(
            "{from}: {other} has this name, so both would be {TEMPLATES}/{file}; rename it"
        )));
    }
    // The bucket of an organization is read by its accounts, so its template is another one.
    let of_artifacts =
        pairs.iter().enumerate().filter(|(index, pair)| *index == 0 || pair.config.organization.is_some());
    let artifacts: Vec<_> =
        of_artifacts.map(|(index, pair)| ArtifactTemplate::of(pair, index == 0)).collect::<Result<_, _>>()?;
    let mut documents: Vec<_> = pairs.iter().flat_map(Pair::templates).collect();
    documents.extend(artifacts.iter().map(ArtifactTemplate::file));
    documents.push(schema());
    documents.push(notice_schema());
    documents.push(pages(&pairs, &artifacts));
    documents.push(settings_page());
    documents.extend(pairs.first().and_then(picture));
    Ok(documents)
}

/// The configurations in a folder, in the order of their names: every `NAME.yaml`. .github/scripts/configurations.sh has
/// the same rule.
fn configurations(folder: &str) -> Vec<PathBuf> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_stem = |stem: &str| stem.starts_with(|c: char| c.is_ascii_alphanumeric()) && stem.chars().all(is_plain);
    let is_configuration = |name: &str| name.strip_suffix(".yaml").is_some_and(is_stem);
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| is_configuration(name)).collect();
    names.sort();
    let folder = if folder == "." { Path::new("") } else { Path::new(folder) };
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// The committed template of a configuration.
pub(super) fn template_path(config: &Path) -> PathBuf {
    let stem = config.file_stem().unwrap_or_default().to_string_lossy();
    Path::new(TEMPLATES).join(format!("{stem}.yaml"))
}

/// The committed template of the members' stacks of a configuration.
pub(super) fn member_template_path(config: &Path) -> PathBuf {
    let stem = config.file_stem().unwrap_or_default().to_string_lossy();
    Path::new(TEMPLATES).join(format!("{stem}-{MEMBER}.yaml"))
}

fn pair(from: PathBuf) -> Result<Pair, CommandError> {
    let read = config_args::read(&from, config::Overrides::default())?;
    let template = read.template()?;
    let members = read.member_template()?.map(|template| {
        let document = yaml::emit(&template);
        (template, document)
    });
    let stem = from.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (file, document) = (format!("{stem}.yaml"), yaml::emit(&template));
    Ok(Pair { file, document, from, config: read.config, template, members })
}

impl Pair {
    /// The file with another template of this configuration.
    fn file_of(&self, word: &str) -> String {
        format!("{}-{word}", self.file.trim_end_matches(".yaml")) + ".yaml"
    }

    /// The files with the further templates of an organization.
    fn other_files(&self) -> Vec<String> {
        self.members.iter().flat_map(|_| [MEMBER, "artifacts"].map(|word| self.file_of(word))).collect()
    }

    /// The templates: one, or with an organization, also that of the members.
    fn templates(&self) -> Vec<GeneratedFile> {
        let file = |file: &str, text: &str| GeneratedFile {
            path: Path::new(TEMPLATES).join(file),
            from: self.from.display().to_string(),
            command: COMMAND.into(),
            text: text.to_owned(),
            stack_name: Some(self.config.stack_name.as_str().to_owned()),
        };
        let members = self.members.iter().map(|(_, document)| file(&self.file_of(MEMBER), document));
        std::iter::once(file(&self.file, &self.document)).chain(members).collect()
    }
}

/// The end of the name of a file with the members' template.
const MEMBER: &str = "member";

/// The template of an artifact stack.
struct ArtifactTemplate {
    from: PathBuf,
    file: String,
    stack_name: String,
    template: Value,
    document: String,
}

impl ArtifactTemplate {
    fn of(pair: &Pair, is_first: bool) -> Result<Self, CommandError> {
        let template = artifacts::template(&pair.config).map_err(|e| CommandError::bad_input(e.to_string()))?;
        let stack_name = artifacts::stack_name(pair.config.stack_name.as_str());
        let file = if is_first { ARTIFACTS.to_owned() } else { pair.file_of("artifacts") };
        Ok(Self { from: pair.from.clone(), file, stack_name, document: yaml::emit(&template), template })
    }

    fn file(&self) -> GeneratedFile {
        GeneratedFile {
            path: Path::new(TEMPLATES).join(&self.file),
            from: self.from.display().to_string(),
            command: COMMAND.into(),
            text: self.document.clone(),
            stack_name: Some(self.stack_name.clone()),
        }
    }
}

fn schema() -> GeneratedFile {
    GeneratedFile {
        path: Path::new(TEMPLATES).join("rotation.schema.json"),
        from: "the table of settings".into(),
        command: COMMAND.into(),
        text: format!("{:#}\n", config::schema()),
        stack_name: None,
    }
}

/// The schema of what queues, functions and web servers get.
fn notice_schema() -> GeneratedFile {
    GeneratedFile {
        path: NOTICE_SCHEMA.into(),
        from: "the handler's notices".into(),
        command: COMMAND.into(),
        text: format!("{:#}\n", lambda::notice::notice_schema()),
        stack_name: None,
    }
}

/// The page with every setting.
fn settings_page() -> GeneratedFile {
    GeneratedFile {
        path: SETTINGS_PAGE.into(),
        from: "the table of settings".into(),
        command: COMMAND.into(),
        text: configuration::page(),
        stack_name: None,
    }
}

fn pages(pairs: &[Pair], artifacts: &[ArtifactTemplate]) -> GeneratedFile {
    let from = |path: &Path| format!("../{}", path.display());
    let of_artifacts: Vec<_> = artifacts.iter().map(|artifacts| from(&artifacts.from)).collect();
    let from: Vec<_> = pairs.iter().map(|pair| from(&pair.from)).collect();
    let member_files: Vec<_> = pairs.iter().map(|pair| pair.file_of(MEMBER)).collect();
    let mut sheets = Vec::new();
    for ((pair, file), member_file) in pairs.iter().zip(&from).zip(&member_files) {
        let Pair { config, template, document, .. } = pair;
        let handler = Origin::Configuration { file, config };
        let origin = match pair.members {
            Some(_) => Origin::WithoutHandler { file, stack_name: config.stack_name.as_str() },
            None => handler,
        };
        sheets.push(Sheet { file: &pair.file, origin, template, document });
        sheets.extend(pair.members.iter().map(|(template, document)| Sheet {
            file: member_file,
            origin: handler,
            template,
            document,
        }));
    }
    sheets.extend(artifacts.iter().zip(&of_artifacts).map(|(artifacts, file)| Sheet {
        file: &artifacts.file,
        origin: Origin::WithoutHandler { file, stack_name: &artifacts.stack_name },
        template: &artifacts.template,
        document: &artifacts.document,
    }));
    GeneratedFile {
        path: Path::new(TEMPLATES).join(README),
        from: "the set of configurations".into(),
        command: COMMAND.into(),
        text: templates_readme::page(&sheets),
        stack_name: None,
    }
}

/// The README with the picture in its block. `None` if the README has no block.
fn picture(pair: &Pair) -> Option<GeneratedFile> {
    let readme = std::fs::read_to_string(README).ok()?;
    let (before, rest) = readme.split_once(BLOCK[0])?;
    let (_, after) = rest.split_once(BLOCK[1])?;
    let picture = graph::overview(&json::to_json(&pair.template));
    Some(GeneratedFile {
        path: README.into(),
        from: pair.from.display().to_string(),
        command: COMMAND.into(),
        text: format!("{before}{}```mermaid\n{picture}```\n{}{after}", BLOCK[0], BLOCK[1]),
        stack_name: None,
    })
}
