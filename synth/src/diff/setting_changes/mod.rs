//! The changed settings of rotation.yaml, as far as the two templates show them: in the function's environment and in the
//! properties of the stack's resources. Only for people: nothing is decided here.

mod organization;

use std::collections::BTreeSet;

use lambda::{contract::settings::Variable, model::time::Span};
use serde_json::Value as Json;

use crate::{
    cfn::{
        text::{display, pieces},
        view::{Resource, View},
    },
    diff::handler_change::is_handler,
};

/// A setting with different values in the two templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingChange {
    /// The name of the setting in rotation.yaml, with a `.` before a field of it. `package` stands for the code of the
    /// function, and `members` for the template of an organization's members: they are no settings.
    pub setting: &'static str,
    /// How its value changes.
    pub change: ValueChange,
}

/// How the value of a setting changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueChange {
    /// It has another value. `None` if the template says nothing about it.
    Value {
        /// The value in the old template.
        before: Option<String>,
        /// The value in the new template.
        after: Option<String>,
    },
    /// It is a list with other items.
    Items {
        /// The items that only the new template has.
        added: Vec<String>,
        /// The items that only the old template has.
        removed: Vec<String>,
    },
}

/// The value of a setting in a template.
#[derive(PartialEq, Eq)]
enum SettingValue {
    One(Option<String>),
    Many(Vec<String>),
}

/// Reads the text of a variable.
type Form = fn(Option<&str>) -> SettingValue;

/// The parameter that names the handler's package by its digest.
const CODE: &str = "CodeKey";

/// What stands for the template of the members, which the template of the administering account names by its hash.
const MEMBERS: &str = "members";

/// The settings that change. `None` if one of the templates is not ours, because it has no function that runs the handler
/// or the publisher. `parameters` names the parameters that get another value.
pub(super) fn setting_changes(old: &Json, new: &Json, parameters: &BTreeSet<String>) -> Option<Vec<SettingChange>> {
    let (before, after) = (settings(old)?, settings(new)?);
    let code = parameters.contains(CODE).then(|| SettingChange {
        setting: "package",
        change: ValueChange::Value { before: None, after: Some("another one, with other code".to_owned()) },
    });
    let change = |(setting, after): (&'static str, SettingValue)| {
        // The stack of an administering account has fewer settings than one without members.
        let (_, before) = before.iter().find(|(name, _)| *name == setting)?;
        let without = |all: &[String], other: &[String]| {
            all.iter().filter(|item| !other.contains(item)).cloned().collect::<Vec<_>>()
        };
        let change = match (before, after) {
            (before, after) if *before == after => return None,
            // Its name is a hash.
            (_, SettingValue::One(after)) if setting == MEMBERS => {
                ValueChange::Value { before: None, after: after.map(|_| "another template in each account".to_owned()) }
            }
            (SettingValue::One(before), SettingValue::One(after)) => {
                ValueChange::Value { before: before.clone(), after }
            }
            (SettingValue::Many(before), SettingValue::Many(after)) => {
                ValueChange::Items { added: without(&after, before), removed: without(before, &after) }
            }
            // Each setting has one form.
            _ => return None,
        };
        Some(SettingChange { setting, change })
    };
    Some(after.into_iter().filter_map(change).chain(code).collect())
}

/// The settings of a template, in the order of rotation.yaml. `None` if it has no function that runs the handler or the
/// publisher, or several.
fn settings(template: &Json) -> Option<Vec<(&'static str, SettingValue)>> {
    let view = View(template);
    let mut handlers = view
        .of("AWS::Lambda::Function")
        .filter(|function| is_handler(&function.properties["Environment"]["Variables"]));
    let Some(function) = handlers.next() else { return organization::settings(view) };
    if handlers.next().is_some() {
        return None;
    }
    let mut all: Vec<_> = Variable::ALL.into_iter().filter_map(|name| variable(function, name)).collect();
    all.extend(of_resources(view, function));
    all.extend(organization::fields(view));
    Some(all)
}

/// The setting that a variable of a function holds, with its value.
fn variable(function: Resource<'_>, variable: Variable) -> Option<(&'static str, SettingValue)> {
    let (setting, form) = setting(variable)?;
    Some((setting, form(function.properties["Environment"]["Variables"][variable.name()].as_str())))
}

/// The settings that the properties of resources hold.
fn of_resources(view: View<'_>, function: Resource<'_>) -> Vec<(&'static str, SettingValue)> {
    let first = |kind: &'static str| view.of(kind).next();
    let schedule = first("AWS::Scheduler::Schedule");
    let log = first("AWS::Logs::LogGroup");
    let role = first("AWS::IAM::Role");
    let seconds = |text: Option<String>| text.and_then(|text| text.parse().ok()).map(|s| Span::seconds(s).to_string());
    let days = |text: Option<String>| text.and_then(|text| text.parse().ok()).map(|d| Span::days(d).to_string());
    let or = |text: Option<String>, default: &str| text.or_else(|| Some(default.to_owned()));
    let topic_key = match first("AWS::KMS::Key") {
        Some(_) => Some("own".to_owned()),
        None => property(first("AWS::SNS::Topic"), "KmsMasterKeyId"),
    };
    let dashboard = if first("AWS::CloudWatch::Dashboard").is_some() { "fleet" } else { "none" };
    let one = [
        ("schedule", property(schedule, "ScheduleExpression")),
        ("time_zone", property(schedule, "ScheduleExpressionTimezone")),
        ("architecture", function.properties["Architectures"][0].as_str().map(str::to_owned)),
        ("memory", property(Some(function), "MemorySize")),
        ("timeout", seconds(property(Some(function), "Timeout"))),
        ("log_retention", days(property(log, "RetentionInDays"))),
        ("log_kms_key", or(property(log, "KmsKeyId"), "aws-owned")),
        ("topic_kms_key", topic_key),
        ("dashboard", Some(dashboard.to_owned())),
        ("reserved_concurrency", or(property(Some(function), "ReservedConcurrentExecutions"), "none")),
        ("permissions_boundary", or(property(role, "PermissionsBoundary"), "none")),
        ("role_path", or(property(role, "Path"), "/")),
    ];
    one.map(|(setting, value)| (setting, SettingValue::One(value))).into()
}

/// A property that is a text or a number. In an organization, the ARN of a policy has the account of the stack.
fn property(resource: Option<Resource<'_>>, name: &str) -> Option<String> {
    let resource = resource?;
    pieces(&resource.properties[name]).map(|pieces| display(&pieces))
}

/// The setting that a variable holds, and the form of its text. `None` for the topic, which is no setting.
fn setting(variable: Variable) -> Option<(&'static str, Form)> {
    let one: Form = |text| SettingValue::One(text.map(str::to_owned));
    let words: Form = |text| items(text, ' ');
    Some(match variable {
        Variable::TopicArn | Variable::EventBusArn | Variable::AccountId => return None,
        Variable::Users => ("users", |text| SettingValue::Many(entries(text.unwrap_or_default()))),
        Variable::Exempt => ("exempt", words),
        Variable::UserTags => ("user_tags", one),
        Variable::RotateAfter => ("rotate_after", one),
        Variable::Overlap => ("overlap", one),
        Variable::DeleteAfter => ("delete_after", one),
        Variable::StillInUse => ("still_in_use", one),
        Variable::WaitAtMost => ("wait_at_most", one),
        Variable::DisabledUsers => ("disabled_users", one),
        Variable::UnusedAfter => ("unused_after", one),
        Variable::UnconfirmedRecipients => ("unconfirmed_recipients", one),
        Variable::Delivery => ("delivery", one),
        Variable::WarnBefore => ("warn_before", one),
        Variable::Language => ("language", one),
        Variable::AccountName => ("account_name", |text| SettingValue::One(Some(text.unwrap_or("none").to_owned()))),
        Variable::Digest => ("digest", one),
        Variable::Administrators => ("emails", words),
        Variable::Notify => ("notify", words),
        // The keys of all users come first, then those of single users, each after the user's name.
        Variable::EncryptTo => ("encrypt_to", |text| items(text, ';')),
        Variable::SecretPrefix => ("secret_prefix", one),
        Variable::SecretReaders => ("secret_readers", words),
        Variable::SecretKmsKey => ("secret_kms_key", one),
        Variable::SecretTags => ("tags", |text| items(text, ';')),
    })
}

/// The items of a list. An empty list is the word `none`, or no text.
fn items(text: Option<&str>, separator: char) -> SettingValue {
    let items = text.filter(|text| *text != "none").unwrap_or_default().split(separator);
    SettingValue::Many(items.filter(|item| !item.is_empty()).map(str::to_owned).collect())
}

/// The entries of `users`, each with its own settings in words: `alice (owner ops@example.com, overlap 2d)`.
fn entries(text: &str) -> Vec<String> {
    let entry = |entry: &str| match entry.split_once(';') {
        Some((users, own)) => format!("{users} ({})", own.replace('=', " ").replace(';', ", ")),
        None => entry.to_owned(),
    };
    text.split_ascii_whitespace().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{config, diff::test_templates::template};

    fn lines(old: &str, new: &str) -> [String; 2] {
        [old, new].map(|more| {
            let general = [("users", "[zoe]"), ("emails", "[a@b.co]")].map(|(name, value)| format!("{name}: {value}"));
            let lines = general.iter().map(String::as_str).chain(more.lines());
            let lines: BTreeMap<_, _> = lines.map(|line| (line.split_once(':').map(|(name, _)| name), line)).collect();
            lines.into_values().collect::<Vec<_>>().join("\n") + "\n"
        })
    }

    fn changes(old: &str, new: &str) -> Vec<SettingChange> {
        let [old, new] = lines(old, new).map(|settings| template(&settings));
        setting_changes(&old, &new, &BTreeSet::new()).unwrap()
    }

    /// A setting that is forgotten here would not be shown. The examples in the declaration of a setting differ. With an
    /// organization, the template of the administering account or that of the members shows it.
    #[test]
    fn each_setting_is_shown_by_its_name() {
        let mut shown = BTreeSet::new();
        let settings = config::settings();
        let members =
            "\norganization: {id: o-abcdefghij, region: eu-west-1, units: [r-abcd]}\nusers: [/m/]\ndigest: changes";
        for setting in settings {
            let delivery = if setting.name == "encrypt_to" { "delivery: email-encrypted\n" } else { "" };
            let [old, new] = match setting.name {
                // The stack has this name, so a change is another stack.
                "stack_name" => continue,
                "encrypt_to" => [
                    "age12kdw45yzvn2hjhfep9ccehg9402f2uhgflj4ty8w7vdg3gy0ml7sca9a3m",
                    "age1dv3up40nt5d3r7dks0ctpfshx4w7kyf80kg6uzga8xwx2ku8jsxs0y2mds",
                ]
                .map(|key| format!("[{key}]")),
                _ => [0, 1].map(|index| setting.examples[index].to_owned()),
            };
            let of = |value: &str| format!("{delivery}{}: {value}", setting.name);
            if setting.name == "organization" {
                let found = changes("users: [/m/]", &format!("users: [/m/]\n{}", of(&new)));
                let found: Vec<_> = found.iter().map(|change| change.setting).collect();
                let fields = ["id", "region", "units", "administrator"].map(|field| format!("organization.{field}"));
                assert_eq!(found, fields.iter().map(String::as_str).chain([MEMBERS]).collect::<Vec<_>>());
                shown.insert(setting.name);
                continue;
            }
            let alone = changes(&of(&old), &of(&new));
            assert!(alone.iter().any(|change| change.setting == setting.name), "{}: {alone:?}", setting.name);
            assert!(alone.len() == 1, "{}: {alone:?}", setting.name);
            shown.insert(setting.name);
            // What an organization cannot have, or has in other words.
            if ["account_name", "delivery", "digest", "encrypt_to", "secret_readers", "users"].contains(&setting.name) {
                continue;
            }
            let [old, new] = lines(&(members.to_owned() + "\n" + &of(&old)), &(members.to_owned() + "\n" + &of(&new)));
            let of_members = setting_changes(&members_of(&old), &members_of(&new), &BTreeSet::new()).unwrap();
            let of_central = setting_changes(&template(&old), &template(&new), &BTreeSet::new()).unwrap();
            let is_shown = |all: &[SettingChange]| all.iter().any(|change| change.setting == setting.name);
            assert!(is_shown(&of_members) || is_shown(&of_central), "{}: {of_central:?}", setting.name);
            let of_members = of_members.iter().filter(|change| change.setting != setting.name).count();
            let known = [setting.name, MEMBERS];
            let of_central = of_central.iter().filter(|change| !known.contains(&change.setting)).count();
            assert_eq!((of_members, of_central), (0, 0), "{}", setting.name);
        }
        assert_eq!(shown.len() + 1, settings.len());
    }

    fn members_of(settings: &str) -> Json {
        let config =
            config::read(&format!("stack_name: keys\n{settings}"), config::Overrides::default()).unwrap().config;
        crate::cfn::json::to_json(&crate::stack::member_template(&config).unwrap().unwrap())
    }

    /// A change of a field of `organization` is shown as that field. Only the template of the members is shown beside it.
    #[test]
    fn each_field_of_the_organization_is_shown() {
        let of = |fields: &[(&str, &str)]| {
            let whole = [("id", "o-abcdefghij"), ("region", "eu-west-1"), ("units", "[r-abcd]")];
            let whole: BTreeMap<&str, &str> = whole.into_iter().chain(fields.iter().copied()).collect();
            let whole: Vec<_> = whole.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            format!("users: [/m/]\norganization: {{{}}}", whole.join(", "))
        };
        let (one, two) = ("111122223333", "444455556666");
        let value = |before: Option<&str>, after: Option<&str>| ValueChange::Value {
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let items = |added: &[&str], removed: &[&str]| ValueChange::Items {
            added: added.iter().map(|&item| item.to_owned()).collect(),
            removed: removed.iter().map(|&item| item.to_owned()).collect(),
        };
        let (list, both) = (format!("['{one}']"), format!("['{one}', '{two}']"));
        let quoted = format!("'{one}'");
        let mut fields = BTreeSet::new();
        for (old, new, field, expected) in [
            (vec![], vec![("id", "o-bbbbbbbbbb")], "id", value(Some("o-abcdefghij"), Some("o-bbbbbbbbbb"))),
            (vec![], vec![("region", "eu-west-2")], "region", value(Some("eu-west-1"), Some("eu-west-2"))),
            (
                vec![("units", "[ou-abcd-22223333]")],
                vec![("units", "[ou-abcd-22223333, ou-abcd-11112222]")],
                "units",
                items(&["ou-abcd-11112222"], &[]),
            ),
            (vec![("accounts", &*list)], vec![("accounts", &*both)], "accounts", items(&[two], &[])),
            (vec![("exclude", &*both)], vec![("exclude", &*list)], "exclude", items(&[], &[two])),
            (vec![], vec![("exclude", &*list)], "exclude", items(&[one], &[])),
            (vec![], vec![("first", &*quoted)], "first", value(None, Some(one))),
            (
                vec![("accounts", &*both)],
                vec![("accounts", &*both), ("first", &*quoted)],
                "first",
                value(None, Some(one)),
            ),
            (
                vec![],
                vec![("administrator", "management-account")],
                "administrator",
                value(Some("delegated-administrator"), Some("management-account")),
            ),
        ] {
            let found = changes(&of(&old), &of(&new));
            let found: Vec<_> = found.into_iter().filter(|change| change.setting != MEMBERS).collect();
            let [SettingChange { setting, change }] = found.as_slice() else { panic!("{field}: {found:?}") };
            assert_eq!((*setting, change), (&*format!("organization.{field}"), &expected));
            fields.insert(field);
        }
        assert_eq!(fields, config::ORGANIZATION_FIELDS.map(|(name, _)| name).into());
        // Other settings of the members are in their template.
        let found = changes(&of(&[]), &(of(&[]) + "\noverlap: 1d"));
        let change = value(None, Some("another template in each account"));
        assert_eq!(found, [SettingChange { setting: MEMBERS, change }]);
    }

    #[test]
    fn values_and_items_are_shown_as_in_the_file() {
        let value = |before: &str, after: &str| ValueChange::Value {
            before: Some(before.to_owned()),
            after: Some(after.to_owned()),
        };
        let items = |added: &[&str], removed: &[&str]| ValueChange::Items {
            added: added.iter().map(|&item| item.to_owned()).collect(),
            removed: removed.iter().map(|&item| item.to_owned()).collect(),
        };
        for (old, new, setting, expected) in [
            ("overlap: 7d", "overlap: 0", "overlap", value("7d", "0")),
            ("timeout: 10m", "timeout: 9m", "timeout", value("10m", "9m")),
            ("log_retention: 90d", "log_retention: 365d", "log_retention", value("90d", "365d")),
            ("users: [alice]", "users: [/ci/, bob]", "users", items(&["/ci/", "bob"], &["alice"])),
            (
                "users: [alice]",
                "users: [{name: alice, owner: o@b.co, overlap: 2d}]",
                "users",
                items(&["alice (owner o@b.co, overlap 2d)"], &["alice"]),
            ),
            ("exempt: [/ops/]", "exempt: []", "exempt", items(&[], &["/ops/"])),
            ("tags: {team: a}", "tags: {team: b}", "tags", items(&["team=b"], &["team=a"])),
            ("topic_kms_key: own", "reserved_concurrency: 2", "reserved_concurrency", value("none", "2")),
        ] {
            let found = changes(old, new);
            assert_eq!(found, [SettingChange { setting, change: expected }], "{old} -> {new}");
        }
    }

    #[test]
    fn a_foreign_template_has_no_settings() {
        let (ours, foreign) = (template("users: [alice]\nemails: [a@b.co]\n"), serde_json::json!({"Resources": {}}));
        assert_eq!(setting_changes(&ours, &foreign, &BTreeSet::new()), None);
        assert_eq!(setting_changes(&foreign, &ours, &BTreeSet::new()), None);
        let code = setting_changes(&ours, &ours, &[CODE.to_owned()].into()).unwrap();
        assert_eq!(code.iter().map(|change| change.setting).collect::<Vec<_>>(), ["package"]);
    }
}
