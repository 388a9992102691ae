//! The generated files are fresh, complete and checked as a whole.

use std::{collections::BTreeSet, fs, path::Path};

use crate::common::{read, root, synth};
use lambda::contract::{
    call_permissions::{CHOOSING, steps},
    list_scope::ListScope,
    selector::UserSelector,
};
use serde_json::{Value as Json, json};
use synth::{
    cfn::{
        json::to_json,
        view::{How, View, references},
    },
    config::{self, ConfiguredUsers, Overrides},
    docs::{configuration, explain, graph},
    stack,
};

const README: &str = "# Mine\n\n<!-- generated: synth graph -->\nold\n<!-- end of what is generated -->\n\nThe end.\n";

/// A project in its own temporary folder.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| fs::write(folder.path().join(path), text).unwrap();
    fs::create_dir(folder.path().join("examples")).unwrap();
    write("rotation.yaml", "users: [alice]\nemails: [a@example.com]\n");
    write("examples/mail.yaml", "users: [bob]\nemails: [a@example.com]\ndelivery: email\nstack_name: Mail\n");
    write("examples/notes.txt", "not a configuration");
    write("README.md", README);
    folder
}

/// Runs synth. Returns the exit code, standard output and standard error.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = synth(folder, arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const FILES: [&str; 8] = [
    "templates/rotation.yaml",
    "templates/mail.yaml",
    "templates/artifacts.yaml",
    "templates/rotation.schema.json",
    "docs/notice.schema.json",
    "templates/README.md",
    "docs/configuration.md",
    "README.md",
];

#[test]
fn what_this_project_has_committed_is_fresh_and_sound() {
    let (code, out, error) = run(root(), &["check"]);
    assert_eq!(code, Some(0), "{error}");
    // The schedule of the article runs once a month. An alarm cannot look back that far, and a warning says so.
    let warning = "warning: no alarm will tell that runs have stopped";
    assert!(error.starts_with(warning) && error.contains("--> examples/article.yaml:"), "{error}");
    assert_eq!(error.matches("warning: ").count(), 1, "{error}");
    assert!(out.contains("README.md is what rotation.yaml generates"), "the README has its picture: {out}");
}

#[test]
fn files_are_listed_generated_and_checked() {
    let folder = project();
    let (code, out, _) = run(folder.path(), &["list"]);
    assert_eq!(code, Some(0));
    let listed: Vec<_> = out.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(listed, FILES);

    let (code, _, error) = run(folder.path(), &["check"]);
    assert_eq!(code, Some(4), "nothing is there yet");
    assert!(FILES.iter().all(|file| error.contains(&format!("error: {file} "))), "all at once: {error}");
    assert_eq!(error.matches("fix: run: make synth").count(), FILES.len(), "{error}");

    assert_eq!(run(folder.path(), &["generate"]).0, Some(0));
    assert_eq!(run(folder.path(), &["check"]).0, Some(0));
    assert_eq!(run(folder.path(), &["generate"]).1, "", "what is right is not written again");
    let readme = fs::read_to_string(folder.path().join("README.md")).unwrap();
    assert!(
        readme.starts_with("# Mine\n") && readme.ends_with("-->\n\nThe end.\n"),
        "the rest is left alone: {readme}"
    );

    for file in FILES {
        let path = folder.path().join(file);
        let fresh = fs::read_to_string(&path).unwrap();
        let stale = if file == "README.md" { fresh.replace("flowchart", "flawchart") } else { format!("{fresh}\n") };
        fs::write(&path, stale).unwrap();
        let (code, _, error) = run(folder.path(), &["check"]);
        assert_eq!((code, error.matches("error: ").count()), (Some(4), 1), "{file}: {error}");
        assert!(error.contains(&format!("error: {file} is not what ")) && error.contains("line "), "{error}");
        fs::write(&path, fresh).unwrap();
    }

    // A template that was edited by hand is stale, and the message also says what is broken.
    let path = folder.path().join("templates/rotation.yaml");
    let opened = fs::read_to_string(&path).unwrap().replace("- lambda:InvokeFunction", "- lambda:GetFunction");
    fs::write(&path, opened).unwrap();
    let (code, _, error) = run(folder.path(), &["check"]);
    assert_eq!(code, Some(4));
    let words = error.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("ScheduleRole is not allowed lambda:InvokeFunction on Function"), "{error}");
}

#[test]
fn all_wrong_configurations_are_reported_and_nothing_is_written() {
    let folder = project();
    fs::write(folder.path().join("rotation.yaml"), "users: [alice]\n").unwrap();
    fs::write(folder.path().join("examples/mail.yaml"), "users: [bob]\nemails: [x]\n").unwrap();
    for command in ["generate", "check", "list"] {
        let (code, _, error) = run(folder.path(), &[command]);
        assert_eq!(code, Some(2), "{command}: {error}");
        assert!(error.contains("emails is missing") && error.contains("examples/mail.yaml:2:10"), "{command}: {error}");
        assert!(!folder.path().join("templates").exists());
    }
    // Two files for one template.
    fs::write(folder.path().join("rotation.yaml"), "users: [alice]\nemails: [a@example.com]\n").unwrap();
    for (name, says) in [("rotation", "another configuration"), ("artifacts", "the template of the artifact bucket")] {
        let twin = folder.path().join(format!("examples/{name}.yaml"));
        fs::rename(folder.path().join("examples/mail.yaml"), &twin).unwrap();
        fs::write(&twin, "users: [bob]\nemails: [a@example.com]\n").unwrap();
        let (code, _, error) = run(folder.path(), &["generate"]);
        assert_eq!((code, error.contains(&format!("{says} has this name"))), (Some(2), true), "{error}");
        fs::rename(&twin, folder.path().join("examples/mail.yaml")).unwrap();
    }
    fs::remove_file(folder.path().join("rotation.yaml")).unwrap();
    assert_eq!(run(folder.path(), &["check"]).0, Some(2));
}

#[test]
fn every_yaml_file_at_the_top_level_is_a_configuration_with_a_stack_of_its_own() {
    let folder = project();
    let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
    write("audit.yaml", "users: [bob]\nemails: [a@example.com]\nstack_name: audit\n");
    write(".other.yaml", "not a configuration");
    write("other.yml", "not a configuration");
    let listed = || run(folder.path(), &["list"]);
    assert!(listed().1.starts_with("templates/rotation.yaml\tfrom rotation.yaml\n"), "{}", listed().1);
    assert!(listed().1.contains("templates/audit.yaml\tfrom audit.yaml\n"), "{}", listed().1);

    write("audit.yaml", "users: [bob]\nemails: [a@example.com]\n");
    let (code, _, error) = listed();
    assert_eq!(code, Some(2));
    assert!(error.contains("audit.yaml: rotation.yaml has the same stack_name"), "{error}");
}

#[test]
fn any_template_can_be_checked_by_itself() {
    let folder = project();
    let check = |text: &str| {
        fs::write(folder.path().join("any.yaml"), text).unwrap();
        run(folder.path(), &["check", "any.yaml"])
    };
    let (code, out, _) = check("Resources:\n  Topic: {Type: AWS::SNS::Topic}\n");
    assert_eq!((code, out.as_str()), (Some(0), "any.yaml keeps within the limits and fits together\n"));
    let (code, _, error) = check(
        "Resources:\n  B: {Type: AWS::S3::Bucket}\n  P: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: !Ref B, \
         PolicyDocument: {Statement: {Sid: Other, Principal: '*', Resource: 'arn:aws:s3:::other'}}}}\n",
    );
    assert_eq!(code, Some(4));
    assert!(error.contains("Resources.P: statement Other: it names arn:aws:s3:::other"), "{error}");
    let large = |length| format!("Resources: {{}}\nDescription: {}\n", "x".repeat(length));
    let (code, _, error) = check(&large(51_200));
    assert_eq!(code, Some(0), "a warning only: {error}");
    assert!(error.contains("warning: any.yaml template, passed directly: 5") && error.contains("S3"), "{error}");
    assert_eq!(check(&large(1_000_000)).0, Some(4));
    for (text, says) in
        [("Resources: [", "not a template"), ("a: b", "it has no Resources"), ("Resources: []", "it has no Resources")]
    {
        let (code, _, error) = check(text);
        assert_eq!(code, Some(2), "{text}");
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(run(folder.path(), &["check", "nowhere.yaml"]).0, Some(2));
}

/// The page explains each setting, its links have targets, and each example works in a file.
#[test]
fn the_page_of_settings_explains_each_one_with_examples_that_are_right() {
    let page = configuration::page();
    for setting in config::settings() {
        let name = setting.name;
        assert_eq!(page.matches(&format!("\n### `{name}`\n")).count(), 1, "{name} has a section");
        assert!(page.contains(&format!("\n- [`{name}`](#{name}) (")), "{name} is in the contents");
        assert!(setting.meaning().ends_with('.') && !(setting.allowed)().is_empty(), "{name}");
    }
    let anchors: BTreeSet<_> = page
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches(['#', ' ']).replace('`', "").replace(' ', "-").to_lowercase())
        .collect();
    for target in page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(anchors.contains(target), "{target}: {anchors:?}");
    }
    let is_wrapped = |line: &&str| line.chars().count() <= 120;
    assert_eq!(page.lines().find(|line| !is_wrapped(line)), None);

    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let examples: Vec<_> = blocks.flat_map(|block| block.split("# or\n")).collect();
    assert!(examples.len() > config::settings().len(), "{}", examples.len());
    // Other settings that an example needs.
    let encrypted = "delivery: email-encrypted\n";
    let keys = "encrypt_to: [age1vfpk57vaw8jx4sgaw4tv94axf80tewtud0p7u8knafrzazd6xp8sl3ch5u]\n";
    for example in examples {
        let mut file = example.to_owned();
        for (needed, line) in [
            // A name is a user of one account.
            (example.starts_with("organization:"), "users: [/ci/]\n"),
            (!example.starts_with("users:") && !example.starts_with("organization:"), "users: [bob]\n"),
            (!example.contains("emails:"), "emails: [a@example.com]\n"),
            (example == encrypted, keys),
            (example == keys, encrypted),
        ] {
            file += if needed { line } else { "" };
        }
        config::read(&file, Overrides::default()).unwrap_or_else(|e| panic!("{example}: {e}"));
    }
    let (_, help, _) = run(root(), &["template", "--help"]);
    for option in ["--users", "--emails", "--architecture", "--config"] {
        assert!(page.contains(&format!("| `{option} ")) && help.contains(&format!("{option} <")), "{option}");
    }
}

/// Configurations that give different templates.
fn templates() -> Vec<(config::Config, synth::cfn::Value)> {
    let more = "users: [alice, /ci/bot]\nemails: [a@example.com, b@example.com, end@example.com]\n\
                secret_kms_key: arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab\n";
    let tagged = "users: ['tag:rotate=yes', 'tag:rotate=soon']\nemails: [a@example.com]\n";
    let texts = [
        read("rotation.yaml"),
        read("examples/article.yaml"),
        read("examples/fleet.yaml"),
        more.to_owned(),
        tagged.to_owned(),
        "users: [/]\nemails: [a@example.com]\n".to_owned(),
    ];
    let template = |text: &String| {
        let config = config::read(text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
        let template = stack::template(&config).unwrap();
        (config, template)
    };
    texts.iter().map(template).collect()
}

#[test]
fn the_picture_shows_every_resource_and_every_reference() {
    for (config, template) in templates() {
        let template = to_json(&template);
        let picture = graph::full(&template);
        let view = View(&template);
        // A role is drawn inside the box of the resource that uses it.
        let drawn = |id: &str| match id {
            "FunctionRole" => "Function".to_owned(),
            "ScheduleRole" => "Schedule".to_owned(),
            id => id.to_owned(),
        };
        let arrow = |a: &str, b: &str| {
            picture.lines().any(|l| l.trim_start().starts_with(&format!("{a} -->")) && l.ends_with(&format!("| {b}")))
        };
        for resource in view.resources() {
            let shown = [format!("<b>{}</b>", resource.id), format!("as {}\"", resource.id)];
            assert!(shown.iter().any(|text| picture.contains(text)), "{}: {picture}", resource.id);
            for reference in references(resource.body).iter().filter(|reference| reference.how == How::Value) {
                let (from, to) = (drawn(resource.id), drawn(&reference.name));
                let is_resource = view.resources().any(|other| other.id == reference.name);
                assert!(!is_resource || from == to || arrow(&from, &to) || arrow(&to, &from), "{from} {to}: {picture}");
            }
        }
        // An entry below a listed path need not be shown.
        let is_said = |entry: &&ConfiguredUsers| {
            config
                .users
                .iter()
                .all(|other| other.selector == entry.selector || !other.selector.contains(&entry.selector))
        };
        for entry in config.users.iter().filter(is_said) {
            let shown = match &entry.selector {
                UserSelector::User(user) => user.resource().trim_start_matches('/').to_owned(),
                UserSelector::Path(path) if path.as_str() == "/" => "every user".into(),
                UserSelector::Path(path) => format!("all below {path}"),
                UserSelector::Tag(_) => "tagged rotate = yes or soon".into(),
                UserSelector::Group(_) => panic!("{entry:?}"),
            };
            assert!(picture.contains(&shown), "{shown}: {picture}");
        }
        assert_eq!(arrow("Function", "account"), config.list_scope() == ListScope::Account, "{picture}");
        assert!(config.emails.iter().all(|email| picture.contains(email.as_str())), "{picture}");
        assert_eq!(picture.contains("secrets(["), !config.mail_is_delivery(), "{picture}");
        let key = config.secret_kms_key.customer();
        assert_eq!(arrow("Function", "keys"), key.is_some(), "{picture}");
        assert_eq!(picture.contains("<br/>1234abcd-12ab-34cd-56ef-1234567890ab\""), key.is_some(), "{picture}");
        assert!(arrow("Function", "users") && arrow("Schedule", "Function"), "{picture}");
    }
}

#[test]
fn the_overview_has_at_most_ten_boxes_and_shows_how_they_work_together() {
    let boxes = |picture: &str| picture.matches("<b>").count();
    for (config, template) in templates() {
        let picture = graph::overview(&to_json(&template));
        assert!(boxes(&picture) <= 10, "{picture}");
        for arrow in [
            "Schedule -->|\"starts\"| Handler",
            "Handler -->|\"rotates keys of\"| users",
            "Handler -->|\"sends notices to\"| Notifications",
            "Handler -->|\"keeps failed runs in\"| Queue",
            "Handler -->|\"is watched by\"| Alarms",
            "Notifications -->|\"are mailed to\"| people",
            "Alarms -->|\"are mailed to\"| people",
        ] {
            assert!(picture.lines().any(|line| line.trim_start() == arrow), "{arrow}: {picture}");
        }
        let secrets = "Handler -->|\"stores new keys in\"| secrets";
        assert_eq!(picture.contains(secrets), !config.mail_is_delivery(), "{picture}");
        assert!(!picture.contains("may "), "every arrow has its own words: {picture}");
    }
    let (code, printed, _) = run(root(), &["graph", "--overview"]);
    assert_eq!(code, Some(0));
    assert!(boxes(&printed) <= 10 && read("README.md").contains(&printed), "README.md has the overview: {printed}");
    let (_, full, _) = run(root(), &["graph"]);
    assert!(read("templates/README.md").contains(&full), "templates/README.md has the full picture");
}

/// The page about the templates shows everything exactly once.
#[test]
fn the_page_about_the_templates_is_complete_and_does_not_repeat_itself() {
    let page = read("templates/README.md");
    let lines: Vec<_> = page.lines().collect();
    let heads = lines.windows(2).filter(|pair| pair[1].starts_with("|---")).map(|pair| pair[0]);
    let headings = lines.iter().copied().filter(|line| line.starts_with('#'));
    let mut seen = BTreeSet::new();
    assert!(
        heads.chain(headings).all(|line| seen.insert(line)),
        "a heading or a table's head is there twice: {seen:?}"
    );
    assert_eq!(page.matches("flowchart").count(), 1, "one picture");
    for raw in ["Fn::", "{\"Ref\"", "{\"AWS\"", "{\"Service\"", "GetAtt"] {
        assert!(!page.contains(raw), "{raw} is for machines");
    }
    for word in ["secretsmanager:GetSecretValue", "\"TheUser\"", "`Readers`"] {
        assert!(page.contains(word), "the policy of a user's secret: {word}");
    }

    let section = |file: &str| {
        let rest = page.split_once(&format!("\n## {file}\n")).unwrap_or_else(|| panic!("{file} has no heading")).1;
        rest.split("\n## ").next().unwrap().to_owned()
    };
    let names = |template: &Json| {
        let view = View(template);
        let mut names: BTreeSet<_> = view.resources().map(|resource| format!("`{}`", resource.id)).collect();
        for role in view.roles() {
            names.extend(role.policies.iter().map(|statement| format!("`{}` {}", role.resource.id, statement.sid())));
        }
        for (resource, statements) in view.resource_policies() {
            names.extend(statements.iter().map(|statement| format!("`{}` {}", resource.id, statement.sid())));
        }
        names
    };
    let template = |config: &str| {
        let config = config::read(&read(config), Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
        to_json(&stack::template(&config).unwrap())
    };
    let (first, first_section) = (names(&template("rotation.yaml")), section("rotation.yaml").replace(" | ", " "));
    assert!(first.iter().all(|name| first_section.contains(&format!("| {name} "))), "{first:?}: {first_section}");
    for file in ["article.yaml", "encrypted.yaml", "fleet.yaml"] {
        let (own, section) = (names(&template(&format!("examples/{file}"))), section(file));
        let missing = section.lines().find(|line| line.starts_with("- Missing: ")).unwrap_or_default();
        let missing: BTreeSet<_> = missing.trim_start_matches("- Missing: ").split(", ").map(str::to_owned).collect();
        let left_out: BTreeSet<_> = first.difference(&own).cloned().collect();
        assert!(missing == left_out || left_out.is_empty(), "{file}: {missing:?} {left_out:?}");
        for added in own.difference(&first) {
            assert!(section.contains(&format!("- Added: {added}: ")), "{file}: {added}: {section}");
        }
    }
    let first = config::read(&read("rotation.yaml"), Overrides::default()).unwrap().config;
    let artifacts = names(&to_json(&stack::artifacts::template(&first).unwrap()));
    assert!(artifacts.iter().all(|name| section("artifacts.yaml").contains(&format!("- {name}: "))), "{artifacts:?}");
}

#[test]
fn other_peoples_templates_are_drawn_too() {
    let template = json!({ "Resources": {
        "end": { "Type": "AWS::SNS::Topic", "Properties": { "TopicName": "a\"b" } },
        "Shared": { "Type": "AWS::IAM::Role", "Properties": { "Policies": [{ "PolicyDocument": { "Statement":
            { "Effect": "Deny", "Action": "sns:*", "Resource": "*" } } }] } },
        "A": { "Type": "AWS::Lambda::Function", "Properties": { "Role": { "Fn::GetAtt": ["Shared", "Arn"] } } },
        "B": { "Type": "My::X<Y>", "DependsOn": "A", "Properties": { "Role": { "Ref": "Shared" }, "Topic": { "Ref": "end" } } },
    } });
    let picture = graph::full(&template);
    for line in [
        "    end_[\"<b>end</b><br/>SNS Topic\"]",
        "    B[\"<b>B</b><br/>My X#lt;Y#gt;\"]",
        "    Shared[\"<b>Shared</b><br/>IAM Role\"]",
        "  A -->|\"acts as\"| Shared",
        "  B -->|\"refers to\"| end_",
        "  Shared -->|\"must not sns:*\"| everything",
    ] {
        assert!(picture.lines().any(|l| l == line), "{line}\n{picture}");
    }
    assert_eq!(graph::full(&json!(null)), "flowchart LR\n");
    assert!(graph::overview(&template).contains("  Others -->|\"refers to\"| Notifications\n"));
}

/// Every action of every statement is explained. The handler's actions name steps of the rotation; AWS's own actions
/// say so.
#[test]
fn every_permission_is_explained_by_the_steps_that_need_it() {
    let word = |json: &Json| json.as_str().unwrap().to_owned();
    let words = |json: &Json| json.as_array().unwrap().iter().map(word).collect::<BTreeSet<_>>();
    for (config, template) in templates() {
        let explanation = explain::json(&template);
        let declared = config.permissions();
        let declared: BTreeSet<_> =
            declared.iter().flat_map(|p| p.actions.iter().map(|action| (p.sid, *action))).collect();
        let entries = explanation["permissions"].as_array().unwrap();
        let mut explained = BTreeSet::new();
        for entry in entries {
            assert!(entry["why"] != "" && !words(&entry["resources"]).is_empty(), "{entry}");
            let is_handlers = declared.contains(&(entry["sid"].as_str().unwrap(), entry["action"].as_str().unwrap()));
            assert_eq!(!words(&entry["steps"]).is_empty(), is_handlers, "{entry}");
            explained.extend(words(&entry["steps"]));
        }
        // Each step is under a permission or in the list of steps without one, unless this delivery has no such step.
        let free = explanation["needs_no_permission"].as_array().unwrap();
        assert_eq!(free[0]["action"], "sts:GetCallerIdentity");
        explained.extend(free.iter().flat_map(|entry| words(&entry["steps"])));
        let needless = |action: &str| !declared.iter().any(|(_, known)| *known == action);
        for step in steps() {
            let told = explained.contains(step.purpose);
            assert_eq!(told, !step.call.needs_permission() || !needless(&step.call.action()), "{step:?}");
            // An action that AWS checks during the step also names the step, if the action is needed.
            for action in step.call.checked_besides().iter().filter(|action| !needless(action)) {
                let said = |p: &Json| p["action"] == **action && words(&p["steps"]).contains(step.purpose);
                assert!(entries.iter().any(said), "{action}: {step:?}");
            }
        }
        let delivery = format!("delivered by {}.", config.policy.delivery);
        assert!(word(&explanation["about"]).contains(&delivery), "{}", explanation["about"]);
        let list: BTreeSet<_> = CHOOSING.iter().map(|(_, purpose)| (*purpose).to_owned()).collect();
        assert_eq!(list.is_subset(&explained), config.list_scope() == ListScope::Account);

        // Both formats have every action of every role, and every grant.
        let (canonical, text) = (to_json(&template), explain::text(&template));
        let statements = View(&canonical).roles().into_iter().flat_map(|role| role.policies);
        let actions: Vec<_> = statements.flat_map(|statement| statement.texts("Action")).collect();
        assert_eq!(entries.iter().map(|entry| word(&entry["action"])).collect::<Vec<_>>(), actions);
        assert!(actions.iter().all(|action| text.contains(&format!("    {action} "))), "{text}");
        for grant in explanation["grants"].as_array().unwrap() {
            let line = format!("{}: {} — {}\n", word(&grant["resource"]), word(&grant["sid"]), word(&grant["why"]));
            assert!(text.contains(&line), "{line}: {text}");
        }
    }
}

#[test]
fn explanations_are_printed_for_people_and_for_programs() {
    let (code, text, _) = run(root(), &["explain"]);
    assert_eq!(code, Some(0));
    assert!(text.starts_with("Rotates the access keys of IAM users, delivered by secrets-manager."), "{text}");
    for line in [
        "    iam:CreateAccessKey  create the successor",
        "  assumed by scheduler.amazonaws.com",
        "    if  ForAllValues:StringLike aws:TagKeys access-key-rotation:*",
        "  sts:GetCallerIdentity  try the new key, three times in a row",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    let (_, json, _) = run(root(), &["explain", "--format", "json", "--config", "examples/article.yaml"]);
    let json: Json = serde_json::from_str(&json).unwrap();
    let actions: BTreeSet<_> =
        json["permissions"].as_array().unwrap().iter().map(|p| p["action"].as_str().unwrap()).collect();
    assert!(
        actions.contains("sns:ListSubscriptionsByTopic") && !actions.contains("secretsmanager:PutSecretValue"),
        "{actions:?}"
    );
    let (_, text, _) = run(root(), &["explain", "--config", "examples/organization.yaml"]);
    let (central, member) = text.split_once("\n\nIn each member account\n\n").unwrap();
    assert!(central.starts_with("In the administering account\n\nAdministers the access key rotation"), "{central}");
    assert!(central.contains("    sns:Publish  mail a notice or an alarm of a member\n"), "{central}");
    assert!(!central.contains("sts:GetCallerIdentity") && !central.contains("FunctionRole"), "{central}");
    assert!(member.contains("    iam:CreateAccessKey  create the successor\n"), "{member}");
    let (_, json, _) = run(root(), &["explain", "--format", "json", "--config", "examples/organization.yaml"]);
    let json: Json = serde_json::from_str(&json).unwrap();
    let roles = |explained: &Json| -> Vec<String> {
        explained["roles"].as_array().unwrap().iter().map(|role| role["role"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(roles(&json), ["PublisherRole"]);
    assert!(roles(&json["member"]).contains(&"FunctionRole".to_owned()), "{json:#}");
    let (code, schema, _) = run(root(), &["schema"]);
    assert!(
        (code, &schema) == (Some(0), &read("templates/rotation.schema.json")),
        "templates/rotation.schema.json is stale: run `make synth`"
    );
}
