//! `synth diff`: shows the changes between two templates.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use clap::ValueEnum;
use serde_json::Value as Json;

use crate::cmd::{CommandError, Exit, config_args::ConfigArgs, generated_files, note, print, takes_colour};
use crate::{
    cfn::{json, read, yaml},
    diff::{
        self, Diff,
        approval::{Approval, Concern, because},
        member_change::{MemberChange, MemberTemplate, Side},
        render::{self, Consequence, TextView, render},
    },
    screen::{Verbosity, counted, printable},
};

#[derive(Debug, clap::Args)]
pub(super) struct DiffArgs {
    /// The old template, in YAML or JSON, or `-` for standard input; with --base or --stack, the new template
    old: Option<PathBuf>,
    /// The new template; without it, the one that the configuration generates
    #[arg(conflicts_with_all = BEFORE)]
    new: Option<PathBuf>,
    /// The old and the new template of an organization's members, if two templates are compared
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], requires = "new")]
    members: Vec<PathBuf>,
    /// Compare with the template that is committed in this git revision
    #[arg(long, value_name = "GIT-REV")]
    base: Option<String>,
    /// The committed template to compare with, for --base [default: the file in templates/ with the configuration's name]
    #[arg(long, value_name = "FILE", requires = "base")]
    template: Option<PathBuf>,
    #[cfg(feature = "deploy")]
    #[command(flatten)]
    deployed: Deployed,
    #[command(flatten)]
    source: ConfigArgs,
    /// Show every property that changes, also for a template that synth generates
    #[arg(long)]
    verbose: bool,
    /// The format of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Also write the JSON of this comparison to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Exit with code 3 if the change does one of these
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    fail_on: Vec<FailOn>,
}

/// The options that replace the old template.
#[cfg(feature = "deploy")]
const BEFORE: [&str; 2] = ["base", "stack"];
#[cfg(not(feature = "deploy"))]
const BEFORE: [&str; 1] = ["base"];

/// The options to compare with the deployed template.
#[cfg(feature = "deploy")]
#[derive(Debug, clap::Args)]
struct Deployed {
    /// Compare with the deployed template of the configuration's stack
    #[arg(long, conflicts_with = "base")]
    stack: bool,
    #[command(flatten)]
    place: crate::deploy::aws::AwsLocation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// For a comment on a pull request
    Markdown,
    /// For a program
    Json,
    /// Only the fingerprints for an approval, one per line: of the stack, and of an organization's members; nothing if none is needed
    Fingerprint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Broaden permissions, or may do so
    Broader,
    /// Replace a resource, or may do so
    Replace,
    /// Delete a resource, not only remove it from the stack
    Delete,
}

pub(super) fn run(args: &DiffArgs) -> Result<(), CommandError> {
    let files = args.old.iter().chain(&args.new).chain(&args.members);
    if files.filter(|path| path.as_path() == Path::new("-")).count() > 1 {
        let message = "only one of the templates can be standard input; name a file for the other";
        return Err(CommandError::bad_input(message.to_owned()));
    }
    let (old_name, old, new) = match (&args.base, deployed(args)) {
        (_, Some(deployed)) => {
            let (stack, deployed) = deployed?;
            (format!("{stack}: deployed"), deployed, args.old.as_deref())
        }
        (Some(revision), None) => {
            let path = args.template.clone().unwrap_or_else(|| generated_files::template_path(args.source.path()));
            let old = OldTemplates { own: committed(revision, &path)?, members: committed_members(args, revision)? };
            (format!("{} at {revision}", path.display()), old, args.old.as_deref())
        }
        (None, None) => {
            let path = args.old.as_deref().ok_or_else(nothing_to_compare)?;
            let members = match args.members.first() {
                Some(path) => OldMembers::Known(member_file(path)?),
                None => OldMembers::NotKnown,
            };
            (path.display().to_string(), OldTemplates { own: file(path)?, members }, args.new.as_deref())
        }
    };
    let (new_name, new, new_members, command) = if let Some(path) = new {
        let members = args.members.get(1).map(|path| member_file(path)).transpose()?.flatten();
        (path.display().to_string(), file(path)?, members, None)
    } else {
        let (template, of_members) = args.source.templates()?;
        let members = of_members.map(|new| MemberTemplate::of(json::to_json(&new), &yaml::emit(&new)));
        (args.source.path().display().to_string(), json::to_json(&template), members, Some(deploy_command(args)))
    };
    let members = match old.members {
        OldMembers::NotKnown => None,
        OldMembers::Known(old) => new_members.map(|new| MemberChange::between(old, new)),
    };
    let misnamed = members.as_ref().and_then(|members| members.misnamed_in(&old.own, &new));
    if let Some(side) = misnamed {
        let name = printable(if side == Side::Old { &old_name } else { &new_name });
        note(&format!(
            "warning: the template of the members is missing, or {name} names another one. So it is not known what changes in each \
             member account"
        ));
    }
    let members = members.filter(|_| misnamed.is_none());
    let own = diff::compare_with_members(&old.own, &new, members.as_ref());
    let diffs = Diffs { own, members: members.as_ref().and_then(MemberChange::diff) };
    let approvals: Vec<Approval> = diffs.all().filter_map(Approval::needed).collect();
    let shown = match args.format {
        Format::Text => {
            let is_ours = diffs.own.settings.is_some() && !diffs.own.is_empty();
            let consequences = if is_ours { next_run(args, &old.own, &new)? } else { Vec::new() };
            let is_by_make = std::env::var_os("MAKELEVEL").is_some();
            let view = TextView {
                colour: takes_colour(),
                detail: if args.verbose { Verbosity::Full } else { Verbosity::Brief },
                more: if is_by_make { "VERBOSE=1" } else { "--verbose" },
                command: command.as_deref(),
                consequences: &consequences,
                ..TextView::default()
            };
            let text = diffs.text(&view);
            // The text of other templates begins with their sections.
            if is_ours { format!("{} → {}\n\n{text}", printable(&old_name), printable(&new_name)) } else { text }
        }
        Format::Markdown => diffs.markdown(),
        Format::Json => diffs.json(),
        Format::Fingerprint => {
            approvals.iter().fold(String::new(), |all, approval| all + &format!("{}\n", approval.fingerprint))
        }
    };
    if let Some(path) = &args.json {
        let unwritten = |e| CommandError::failure(format!("{}: cannot be written: {e}", path.display()));
        std::fs::write(path, diffs.json()).map_err(unwritten)?;
    }
    // The reader may close the pipe early; the exit code shows the result too.
    print(&shown)?;
    let concerns: Vec<Concern> = args.fail_on.iter().map(|what| what.concern()).collect();
    let reasons = approvals.into_iter().flat_map(|approval| approval.reasons);
    let mut reasons: Vec<_> = reasons.filter(|reason| concerns.contains(&reason.concern())).collect();
    reasons.dedup();
    if reasons.is_empty() {
        return Ok(());
    }
    Err(CommandError::new(Exit::NeedsApproval, because(&reasons)))
}

/// The templates that the new ones are compared with.
struct OldTemplates {
    own: Json,
    members: OldMembers,
}

/// The template that the members of an organization had.
enum OldMembers {
    /// The options do not name the template.
    NotKnown,
    /// `None` if there were no members.
    Known(Option<MemberTemplate>),
}

/// The differences of a stack, and those of an organization's member stacks.
struct Diffs<'a> {
    own: Diff,
    /// `None` if they do not change, or if their old or new template is not known.
    members: Option<&'a Diff>,
}

impl Diffs<'_> {
    fn all(&self) -> impl Iterator<Item = &Diff> {
        [&self.own].into_iter().chain(self.members)
    }

    fn text(&self, view: &TextView<'_>) -> String {
        let members = self.members.iter().map(|members| {
            if members.is_of_new_stack() && view.detail == Verbosity::Brief {
                let resources = counted(members.resources.len(), "resource");
                return format!("\nNew in each member account: {resources}. To see them: {}\n", view.more);
            }
            let view = TextView { command: None, consequences: &[], ..*view };
            format!("\nWhat changes in each member account\n\n{}", render::text(members, &view))
        });
        render::text(&self.own, view) + &members.collect::<String>()
    }

    fn markdown(&self) -> String {
        let markdown = |diff| render(diff, render::DiffFormat::Markdown);
        let members = self.members.iter().map(|members| format!("\n**Each member account**\n\n{}", markdown(members)));
        markdown(&self.own) + &members.collect::<String>()
    }

    fn json(&self) -> String {
        let mut document = render::document(&self.own);
        if let Some(members) = self.members {
            document["members"] = render::document(members);
        }
        format!("{document:#}\n")
    }
}

/// The error for a command line that does not name the old template.
fn nothing_to_compare() -> CommandError {
    CommandError::bad_input(
        "nothing to compare the configuration with. Name one of these:\n\
         the deployed template:\n    synth diff --stack\n\
         the template that is committed in git:\n    synth diff --base HEAD\n\
         two templates:\n    synth diff OLD.yaml NEW.yaml"
            .to_owned(),
    )
}

/// The command that deploys what is compared.
fn deploy_command(args: &DiffArgs) -> String {
    let words = ["make".to_owned(), "deploy".to_owned()].into_iter().chain(args.source.make_variables());
    #[cfg(feature = "deploy")]
    let words = {
        let place = &args.deployed.place;
        let place = [("REGION", &place.region), ("PROFILE", &place.profile)].into_iter();
        words.chain(
            place.filter_map(|(name, value)| Some(format!("{name}={}", crate::shell::quoted(value.as_deref()?)))),
        )
    };
    words.collect::<Vec<_>>().join(" ")
}

impl FailOn {
    const fn concern(self) -> Concern {
        match self {
            Self::Broader => Concern::Broader,
            Self::Replace => Concern::Replace,
            Self::Delete => Concern::Delete,
        }
    }
}

fn file(path: &Path) -> Result<Json, CommandError> {
    let (name, text) = content(path)?;
    template(&name, text)
}

/// The template of the members in a file. `None` if it has no resources, so that there are no members.
fn member_file(path: &Path) -> Result<Option<MemberTemplate>, CommandError> {
    let (name, text) = content(path)?;
    Ok(Some(member_template(&name, text)?).filter(MemberTemplate::has_resources))
}

/// The name and the content of a file, or of standard input.
fn content(path: &Path) -> Result<(String, Vec<u8>), CommandError> {
    if path == Path::new("-") {
        let mut text = Vec::new();
        let read = io::stdin().read_to_end(&mut text);
        read.map_err(|e| CommandError::bad_input(format!("standard input: cannot be read: {e}")))?;
        return Ok(("standard input".to_owned(), text));
    }
    let name = path.display().to_string();
    let text = std::fs::read(path).map_err(|e| {
        CommandError::bad_input(format!("{name}: cannot be read: {e}; name a template, or - for standard input"))
    })?;
    Ok((name, text))
}

/// The name and the deployed template of the configuration's stack, if `--stack` asks for it.
#[cfg(feature = "deploy")]
fn deployed(args: &DiffArgs) -> Option<Result<(String, OldTemplates), CommandError>> {
    use crate::cmd::target;
    use crate::deploy::{
        administrator,
        aws::{Session, cloudformation::CloudFormation},
        organization_rollout,
    };

    let read = || {
        let name = args.source.stack_name()?;
        let name = name.as_str();
        target::block_on(async {
            let session = Session::open(&args.deployed.place).await?;
            let stack = target::stack(&session, name).await?.ok_or_else(|| target::stack_not_found(name, &session))?;
            let text = CloudFormation::new(&session).template(&stack.id).await?;
            let own = template(&format!("the deployed template of {name}"), text.into_bytes())?;
            let mut members = None;
            if let Some(administrator) = administrator::of_template(&own)
                && let Some(text) = organization_rollout::member_template(&session, &stack, administrator).await?
            {
                members = Some(member_template(
                    &format!("the deployed template of the members of {name}"),
                    text.into_bytes(),
                )?);
            }
            Ok((name.to_owned(), OldTemplates { own, members: OldMembers::Known(members) }))
        })
    };
    let Deployed { stack, place } = &args.deployed;
    if !stack && (place.region.is_some() || place.profile.is_some()) {
        return Some(Err(CommandError::bad_input(
            "--region and --profile need --stack: they say where the deployed stack is".into(),
        )));
    }
    stack.then(read)
}

/// What the next run of the deployed stack would do with the new template, as far as the caller may read that. Nothing
/// without `--stack`.
#[cfg(feature = "deploy")]
fn next_run(args: &DiffArgs, before: &Json, template: &Json) -> Result<Vec<Consequence>, CommandError> {
    use crate::cmd::target;
    use crate::deploy::{
        administrator,
        aws::Session,
        interrupt::Interrupt,
        preview_reader::{self, PlannedStack},
        subscriptions::StackTopic,
    };

    // In an organization, the runs are in the members.
    if !args.deployed.stack || administrator::of_template(template).is_some() {
        return Ok(Vec::new());
    }
    let name = args.source.stack_name()?;
    let name = name.as_str();
    target::block_on(async {
        let session = Session::open(&args.deployed.place).await?;
        let stack = target::stack(&session, name).await?;
        let topic = stack.as_ref().and_then(|stack| stack.topic(StackTopic::Notices));
        let planned = PlannedStack { name, template, topic };
        let interrupt = Interrupt::listen();
        let read = preview_reader::preview_of_change(&session, planned, Some(before), &interrupt, |_| ()).await;
        Ok(match read.map_err(|_| CommandError::interrupted("Nothing was changed."))? {
            Ok(preview) => preview.consequences(),
            Err(problem) => vec![Consequence::plain(format!("what the next run does is not known: {problem}"))],
        })
    })
}

#[cfg(not(feature = "deploy"))]
#[allow(clippy::unnecessary_wraps)] // With the feature `deploy`, it can fail.
fn next_run(_: &DiffArgs, _: &Json, _: &Json) -> Result<Vec<Consequence>, CommandError> {
    Ok(Vec::new())
}

#[cfg(not(feature = "deploy"))]
fn deployed(_: &DiffArgs) -> Option<Result<(String, OldTemplates), CommandError>> {
    None
}

/// Runs `git show` for a file in a revision.
fn git_show(revision: &str, path: &Path) -> Result<Output, CommandError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = path.file_name().map(|file| file.to_string_lossy()).unwrap_or_default();
    Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["show", "--end-of-options", &format!("{revision}:./{file}")])
        .output()
        .map_err(|e| CommandError::failure(format!("git cannot be run: {e}; install git, or name two templates")))
}

/// The members' template in a git revision. It is not known if the options name another template than that of the
/// configuration.
fn committed_members(args: &DiffArgs, revision: &str) -> Result<OldMembers, CommandError> {
    if args.template.is_some() {
        return Ok(OldMembers::NotKnown);
    }
    let path = generated_files::member_template_path(args.source.path());
    let shown = git_show(revision, &path)?;
    // A configuration without members has no such file. `committed` has reported a revision that git does not know.
    let name = format!("{} at {revision}", path.display());
    let members = if shown.status.success() { Some(member_template(&name, shown.stdout)?) } else { None };
    Ok(OldMembers::Known(members))
}

/// The template in a git revision.
fn committed(revision: &str, path: &Path) -> Result<Json, CommandError> {
    let name = format!("{} at {revision}", path.display());
    let shown = git_show(revision, path)?;
    if !shown.status.success() {
        let problem = String::from_utf8_lossy(&shown.stderr);
        let hint =
            "name a revision that contains the file (git log --oneline -- FILE), or another file with --template";
        return Err(CommandError::bad_input(format!("{name}: {}; {hint}", problem.trim())));
    }
    template(&name, shown.stdout)
}

fn member_template(name: &str, text: Vec<u8>) -> Result<MemberTemplate, CommandError> {
    let text = utf_8(name, text)?;
    Ok(MemberTemplate::of(read_template(name, &text)?, &text))
}

fn template(name: &str, text: Vec<u8>) -> Result<Json, CommandError> {
    read_template(name, &utf_8(name, text)?)
}

fn utf_8(name: &str, text: Vec<u8>) -> Result<String, CommandError> {
    let invalid = |at| CommandError::bad_input(format!("{name}: not UTF-8 at byte {at}"));
    String::from_utf8(text).map_err(|e| invalid(e.utf8_error().valid_up_to()))
}

fn read_template(name: &str, text: &str) -> Result<Json, CommandError> {
    let template = read::read(text)
        .map_err(|e| CommandError::bad_input(format!("{name}:{}:{}: {}", e.line, e.column, e.problem)))?;
    if template.get("Resources").is_none_or(|resources| !resources.is_object()) {
        return Err(CommandError::bad_input(format!("{name}: not a CloudFormation template: it has no Resources")));
    }
    Ok(template)
}
