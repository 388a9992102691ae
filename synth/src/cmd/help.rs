//! What `--help` adds to the declarations of the commands: groups, and an example for each command.

use std::fmt::Write;

use clap::{Command, CommandFactory, builder::Styles};

use super::Cli;

/// The commands of one group, each with an example, in the order in which a new user needs them.
type Group = (&'static str, &'static [(&'static str, &'static str)]);

const GROUPS: [Group; 4] = [
    (
        "Set up",
        &[
            ("inventory", "synth inventory --max-age 60d --all"),
            ("deploy-policy", "synth deploy-policy --account 123456789012 --region eu-west-1"),
            ("preview", "synth preview --users \"alice /ci/\""),
            ("deploy", "synth deploy --package bootstrap.zip --region eu-west-1"),
            ("resubscribe", "synth resubscribe --email ops@example.com"),
            ("schema", "synth schema"),
            ("completions", "synth completions bash"),
        ],
    ),
    (
        "Day to day",
        &[
            ("status", "synth status --region eu-west-1"),
            ("run", "synth run --dry-run"),
            ("rotate", "synth rotate --users \"alice bob\""),
            ("undo", "synth undo --users alice --dry-run"),
            ("revoke", "synth revoke --user alice --key \"$KEY_ID\" --dry-run"),
            ("adopt", "synth adopt --user alice,bob"),
            ("destroy", "synth destroy --config rotation.yaml"),
        ],
    ),
    (
        "Review",
        &[
            ("diff", "synth diff --base HEAD --fail-on broader,delete"),
            ("explain", "synth explain --format json"),
            ("graph", "synth graph --overview"),
        ],
    ),
    (
        "Build",
        &[
            ("template", "synth template --output templates/rotation.yaml"),
            ("generate", "synth generate"),
            ("check", "synth check --config rotation.yaml"),
            ("list", "synth list"),
            ("show", "synth show architecture"),
            ("package", "synth package --architecture arm64 bootstrap.zip"),
        ],
    ),
];

/// The command line with its help.
pub(super) fn command() -> Command {
    let mut command = Cli::command();
    let styles = Styles::styled();
    let (header, name_style) = (styles.get_header(), styles.get_literal());
    let mut list = String::new();
    for (title, commands) in GROUPS {
        let mut lines = String::new();
        for (name, example) in commands {
            // Without the feature `deploy`, there are fewer commands.
            let Some(about) = command.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string)
            else {
                continue;
            };
            let _ = writeln!(lines, "  {name_style}{name:<13}{name_style:#}  {about}");
            let example = format!("{header}Example:{header:#}\n  {example}");
            command = command.mut_subcommand(name, |command| command.after_help(example));
        }
        if !lines.is_empty() {
            let _ = writeln!(list, "{header}{title}:{header:#}\n{lines}");
        }
    }
    let head = "{about-with-newline}\n{usage-heading} {usage}\n\n";
    command
        .help_template(format!("{head}{list}{header}Options:{header:#}\n{{options}}{{after-help}}"))
        .after_help(format!("{header}Example:{header:#}\n  synth template --help"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
        GROUPS.iter().flat_map(|(_, commands)| commands.iter().copied())
    }

    #[test]
    fn each_command_is_in_exactly_one_group() {
        let listed: BTreeSet<_> = names().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(listed.len(), names().count(), "no command is in two groups");
        let known: BTreeSet<_> = command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
        assert_eq!(known.difference(&listed).collect::<Vec<_>>(), [""; 0]);
        if cfg!(feature = "deploy") {
            assert_eq!(listed, known);
        }
        let help = command().render_help().to_string();
        let order = ["Set up:", "Review:", "Build:", "Options:", "Example:"].map(|title| help.find(title));
        assert!(order.is_sorted() && order[0].is_some(), "{help}");
        assert_eq!(help.contains("Day to day:"), cfg!(feature = "deploy"), "{help}");
        assert!(known.iter().all(|name| help.contains(&format!("\n  {name} "))), "{help}");
    }

    /// The first line fits beside the name of the command in 100 columns.
    #[test]
    fn each_help_begins_with_an_order_and_ends_with_an_example() {
        let orders = [
            "Ask",
            "Check",
            "Delete",
            "Deploy",
            "Do",
            "Draw",
            "Explain",
            "Generate",
            "List",
            "Make",
            "Print",
            "Reactivate",
            "Replace",
            "Revoke",
            "Show",
            "Write",
        ];
        for (name, example) in names() {
            let mut command = command();
            let Some(subcommand) = command.find_subcommand_mut(name) else { continue };
            for help in [subcommand.render_help(), subcommand.render_long_help()].map(|help| help.to_string()) {
                let first = help.lines().next().unwrap_or_default();
                assert!(orders.contains(&first.split(' ').next().unwrap_or_default()), "{name}: {first}");
                assert!(first.len() <= 100 - 17 && !first.ends_with('.'), "{name}: {first}");
                assert!(help.trim_end().ends_with(&format!("Example:\n  {example}")), "{help}");
            }
        }
    }

    /// A key id in the example would look like a real one.
    #[test]
    fn each_example_is_a_command_that_is_accepted() {
        let mut count = 0;
        for (name, example) in names() {
            if command().find_subcommand(name).is_none() {
                continue;
            }
            let words =
                shlex::split(&example.replace("$KEY_ID", &format!("AKIA{}", "A".repeat(16)))).unwrap_or_default();
            let matches = command().try_get_matches_from(words).unwrap_or_else(|error| panic!("{example}: {error}"));
            assert_eq!(matches.subcommand_name(), Some(name));
            count += 1;
        }
        assert!(count > 10);
    }
}
