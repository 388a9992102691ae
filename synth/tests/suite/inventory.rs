//! The inventory: from IAM's credential report and the list of users to what people and programs read.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use crate::common::cases;
use expect_test::expect_file;
use lambda::{
    contract::listed_user::ListedUser,
    model::time::{Span, Timestamp},
};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::Value as Json;
use synth::{
    config::{self, Config, Overrides},
    inventory::{
        self, Inventory, Limits, UnreadAccount, account_report,
        finding::FindingKind,
        render::{csv as csv_table, html, json, text},
    },
};

const LIMITS: Limits = Limits { max_age: Span::days(90), unused: Span::days(45) };

const HEADER: &str = "user,arn,user_creation_time,password_enabled,mfa_active,access_key_1_active,\
access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,\
access_key_2_last_used_service";

fn now() -> Timestamp {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

fn days_ago(days: u64) -> Timestamp {
    now().before(Span::days(days))
}

/// One key: whether it is active, its age in days, and how many days ago it was used.
#[derive(Debug, Clone, Copy)]
struct PlannedKey(bool, u64, Option<u64>);

fn cells(key: Option<&PlannedKey>) -> String {
    let Some(PlannedKey(active, age, used)) = key else { return "false,N/A,N/A,N/A,N/A".to_owned() };
    let used = used.map_or("N/A,N/A,N/A".to_owned(), |used| format!("{},eu-west-1,s3", days_ago(used)));
    format!("{active},{},{used}", days_ago(*age))
}

/// A row of the report. `console` is the password and the second factor.
fn row(user: &str, console: (&str, bool), keys: &[PlannedKey]) -> String {
    let quoted = format!("\"{user}\"");
    let (one, two) = (cells(keys.first()), cells(keys.get(1)));
    format!("{quoted},arn,{},{},{},{one},{two}\n", days_ago(1_000), console.0, console.1)
}

fn listed(path: &str, name: &str, tags: &[(&str, &str)]) -> ListedUser {
    ListedUser {
        name: name.parse().unwrap(),
        path: path.to_owned(),
        created: days_ago(1_000),
        tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        groups: Vec::new(),
    }
}

fn config(text: &str) -> Config {
    config::read(text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config
}

fn inventory(rows: &str, users: &[ListedUser], config: Option<&Config>) -> Inventory {
    let rows = account_report::read(format!("{HEADER}\n{rows}").as_bytes()).unwrap();
    let holders = inventory::holders(rows, users, config);
    let file = config.map(|_| "rotation.yaml".to_owned());
    Inventory::new("123456789012".to_owned(), file, holders, LIMITS, now())
}

/// The kinds of the findings of each user, as JSON shows them. Root is `<root>`.
fn found(inventory: &Inventory) -> BTreeMap<String, BTreeSet<(String, Option<u64>)>> {
    let document = json::render(inventory);
    let of = |holder: &Json| {
        let findings = holder["findings"].as_array().unwrap().iter();
        let kinds = findings.map(|found| (found["kind"].as_str().unwrap().to_owned(), found["key"].as_u64())).collect();
        (holder["name"].as_str().unwrap_or("<root>").to_owned(), kinds)
    };
    document["holders"].as_array().unwrap().iter().map(of).collect()
}

/// A small account with each kind of finding.
fn example() -> Inventory {
    let (none, alone, both) = (("false", false), ("true", false), ("true", true));
    let rows = [
        row("<root_account>", ("not_supported", true), &[PlannedKey(true, 2_000, Some(700))]),
        row("alice", both, &[PlannedKey(true, 30, Some(1))]),
        row("backup-agent", none, &[PlannedKey(true, 400, Some(0))]),
        row("deployer", none, &[PlannedKey(true, 200, Some(2)), PlannedKey(true, 10, None)]),
        row("dev", alone, &[]),
        row("forgotten", none, &[PlannedKey(true, 300, None)]),
        row("idle-reporting-of-the-billing-team", none, &[PlannedKey(true, 60, Some(50))]),
        row("leaver", none, &[PlannedKey(false, 500, Some(300)), PlannedKey(true, 95, Some(0))]),
        row("legacy", none, &[PlannedKey(true, 120, Some(3))]),
        row("=cmd|' /C calc'!A0", none, &[PlannedKey(true, 91, Some(3))]),
        row("<img src=x onerror=alert(1)>", none, &[PlannedKey(true, 91, Some(3))]),
        format!("\"odd\",arn,{},false,false,maybe,,,,,{}\n", days_ago(3), cells(None)),
    ];
    let users = [
        listed("/", "alice", &[]),
        listed("/", "backup-agent", &[("Owner", "ops@example.com"), ("access-key-rotation:warned", "AKIA")]),
        listed("/ci/", "deployer", &[]),
        listed("/", "dev", &[]),
        listed("/", "forgotten", &[]),
        listed("/", "idle-reporting-of-the-billing-team", &[("team:owner", "\"><script>alert(2)</script>")]),
        listed("/", "leaver", &[("owner", "the billing team")]),
        listed("/", "legacy", &[]),
        listed("/", "odd", &[]),
    ];
    let config = config(
        "users: [alice, {name: /ci/, owner: dev@example.com}, legacy, /old/]\nexempt: [/old/x]\nemails: [a@b.co]\n",
    );
    inventory(&rows.concat(), &users, Some(&config))
}

#[test]
fn people_read_the_worst_first_and_what_to_do() {
    let shown = text::render(&example(), text::ShownUsers::Worst);
    expect_file!["../golden/inventory.txt"].assert_eq(&shown);
    let wide: Vec<_> = shown.lines().filter(|line| line.chars().count() > 100).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    let everyone = text::render(&example(), text::ShownUsers::Everyone);
    assert!(!shown.contains("alice") && everyone.contains("alice"), "{everyone}");
}

#[test]
fn programs_read_everything() {
    expect_file!["../golden/inventory.json"].assert_eq(&format!("{:#}\n", json::render(&example())));
    expect_file!["../golden/inventory.csv"].assert_eq(&csv_table::render(&example()));
    // tests/browser opens it.
    expect_file!["../golden/inventory.html"].assert_eq(&html::render(&example()));
}

/// Writes the page of an account that could be a real one, for the picture in the documentation. `make inventory-picture` runs
/// it.
#[test]
#[ignore = "writes a page for the documentation"]
fn a_page_for_the_documentation() {
    let page = std::env::var("PAGE").expect("PAGE names the file to write");
    let users =
        ["alice", "backup-agent", "billing-export", "bob", "ci-deployer", "ci-release", "data-lake", "legacy-ftp"];
    let users = users.iter().chain(&["mailer", "metrics", "reporting", "s3-sync", "terraform", "vendor-upload"]);
    let mut rows = row("<root_account>", ("not_supported", true), &[]);
    let mut facts = Vec::new();
    for (number, name) in (1_u64..).zip(users) {
        let age = number * number * 5 % 430 + 3;
        let used = (number % 5 != 0).then_some(number * 7 % 60).map(|used| used.min(age));
        let mut keys = vec![PlannedKey(true, age, used)];
        keys.extend((number % 4 == 0).then_some(PlannedKey(number % 8 == 0, age + 60, Some(age))));
        rows += &row(name, (if number % 6 == 0 { "true" } else { "false" }, number % 12 == 0), &keys);
        let path = if name.starts_with("ci-") { "/ci/" } else { "/" };
        facts.push(listed(path, name, &[("owner", "ops@example.com")]));
    }
    let config = config("users: [/ci/, {name: reporting, owner: data@example.com}]\nemails: [a@b.co]\n");
    std::fs::write(page, html::render(&inventory(&rows, &facts, Some(&config)))).unwrap();
}

#[test]
fn an_account_in_order_says_so() {
    let rows = row("alice", ("true", true), &[PlannedKey(true, 30, Some(1))]);
    let shown = text::render(&inventory(&rows, &[listed("/", "alice", &[])], None), text::ShownUsers::Worst);
    assert_eq!(shown, "Account 123456789012: 1 user, 1 access key. There are no findings. (2026-11-28 12:00 UTC)\n");
}

/// The lines for rotation.yaml are read as the users that they are about, whatever the names look like.
#[test]
fn the_lines_for_the_configuration_are_read_back() {
    let names = ["yes", "null", "0x1F", "1e3", "a+b", "=x", "@home", "-dash", "a,b", "n", "plain", "1_000", "12:30"];
    let names = names.into_iter().filter(|name| name.parse::<lambda::model::user::UserName>().is_ok());
    let names: Vec<_> = names.collect();
    assert_eq!(names.len(), 12);
    let rows: String =
        names.iter().map(|name| row(name, ("false", false), &[PlannedKey(true, 100, Some(1))])).collect();
    let users: Vec<_> = names.iter().map(|name| listed("/team/", name, &[("owner", "o@example.com")])).collect();
    let shown = text::render(&inventory(&rows, &users, None), text::ShownUsers::Everyone);
    let (_, lines) = shown.split_once("\nusers:\n").unwrap_or_else(|| panic!("{shown}"));
    let config = config(&format!("users:\n{lines}emails: [a@b.co]\n"));
    let read: BTreeSet<_> = config.users.iter().map(|entry| entry.selector.to_string()).collect();
    assert_eq!(read, names.iter().map(|name| format!("/team/{name}")).collect());
    assert!(config.users.iter().all(|entry| entry.overrides.owner.as_ref().unwrap().as_str() == "o@example.com"));
}

/// A spreadsheet must not run a name, and a browser must not run it either.
#[test]
fn a_hostile_name_is_text_everywhere() {
    let account = example();
    let table = csv_table::render(&account);
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let cells: Vec<String> =
        rows.records().flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()).collect();
    assert!(cells.iter().any(|cell| cell == "'=cmd|' /C calc'!A0"), "{table}");
    assert!(!cells.iter().any(|cell| cell.starts_with(['=', '+', '-', '@'])), "{table}");
    let page = html::render(&account);
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;") && page.contains("&lt;script&gt;alert(2)"), "{page}");
    assert!(!page.contains("<img") && !page.contains("<script>alert"), "{page}");
    // The page asks no other computer for anything.
    for reference in ["http:", "https:", "//", "url(", "src=", "href=", "import"] {
        let lines =
            page.lines().filter(|line| line.contains(reference) && !line.contains("&lt;") && !line.starts_with("//"));
        assert_eq!(lines.collect::<Vec<_>>(), [""; 0], "{reference}");
    }
}

/// What a user is planned to have, and the findings that follow from the plan.
#[derive(Debug, Clone)]
struct Planned {
    console: (&'static str, bool),
    keys: Vec<PlannedKey>,
    findings: BTreeSet<(String, Option<u64>)>,
}

/// One key with the findings that it is planned to have. Times keep a day's distance from the limits.
fn planned_key() -> impl Strategy<Value = (PlannedKey, Vec<&'static str>)> {
    prop_oneof![
        (0..40_u64, any::<bool>()).prop_map(|(age, used)| (PlannedKey(true, age, used.then_some(0)), vec![])),
        (0..89_u64, 0..44_u64).prop_map(|(age, used)| (PlannedKey(true, age, Some(used.min(age))), vec![])),
        (45..90_u64).prop_map(|age| (PlannedKey(true, age, None), vec!["never-used"])),
        (90..3_000_u64).prop_map(|age| (PlannedKey(true, age, None), vec!["never-used", "old"])),
        (46..90_u64).prop_map(|age| (PlannedKey(true, age, Some(45)), vec!["unused"])),
        (90..3_000_u64, 0..45_u64).prop_map(|(age, used)| (PlannedKey(true, age, Some(used)), vec!["old"])),
        (90..3_000_u64, 0..40_u64)
            .prop_map(|(age, more)| (PlannedKey(true, age + 45, Some(45 + more)), vec!["unused", "old"])),
        (0..3_000_u64, any::<bool>())
            .prop_map(|(age, used)| (PlannedKey(false, age, used.then_some(0)), vec!["inactive"])),
    ]
}

fn planned(is_root: bool) -> impl Strategy<Value = Planned> {
    let console =
        prop_oneof![Just(("false", false)), Just(("false", true)), Just(("true", false)), Just(("true", true))];
    let keys = prop::collection::vec(planned_key(), 0..=2);
    (console, keys).prop_map(move |(console, keys)| {
        let console = if is_root { ("not_supported", console.1) } else { console };
        let mut findings = BTreeSet::new();
        if console == ("true", false) {
            findings.insert(("no-mfa".to_owned(), None));
        }
        if keys.iter().filter(|(key, _)| key.0).count() == 2 {
            findings.insert(("two-active".to_owned(), None));
        }
        for (at, (_, kinds)) in (0..).zip(&keys) {
            findings.extend(kinds.iter().map(|kind| ((*kind).to_owned(), Some(at))));
            if is_root {
                findings.insert(("root-key".to_owned(), Some(at)));
            }
        }
        Planned { console, keys: keys.into_iter().map(|(key, _)| key).collect(), findings }
    })
}

/// In random accounts of 300 users, each planted finding is found, and no other. The worst user is first.
#[test]
fn each_planted_finding_is_found_and_none_is_invented() {
    let (planted, accounts) = (Cell::new(0), Cell::new(0));
    let account = (planned(true), prop::collection::vec(planned(false), 300));
    let config = ProptestConfig { cases: cases(10, 300), failure_persistence: None, ..ProptestConfig::default() };
    let test = |(root, users): (Planned, Vec<Planned>)| {
        let mut expected = BTreeMap::from([("<root>".to_owned(), root.findings.clone())]);
        let mut rows = row("<root_account>", root.console, &root.keys);
        for (number, user) in users.iter().enumerate() {
            let name = format!("user-{number}");
            rows += &row(&name, user.console, &user.keys);
            expected.insert(name, user.findings.clone());
        }
        let account = inventory(&rows, &[], None);
        prop_assert_eq!(found(&account), expected.clone());
        let number: usize = expected.values().map(BTreeSet::len).sum();
        prop_assert_eq!(FindingKind::ALL.into_iter().map(|kind| account.count(kind)).sum::<usize>(), number);
        let ranks =
            account.entries().iter().map(|entry| entry.findings.first().map_or(usize::MAX, |f| f.kind().rank()));
        prop_assert!(ranks.is_sorted());
        let shown = text::render(&account, text::ShownUsers::Worst);
        prop_assert!(shown.lines().all(|line| line.chars().count() <= 100), "{}", shown);
        planted.set(planted.get() + number);
        accounts.set(accounts.get() + 1);
        Ok(())
    };
    TestRunner::new(config).run(&account, test).unwrap_or_else(|e| panic!("{e}"));
    assert!(planted.get() > 300 * accounts.get() / 2, "{} in {}", planted.get(), accounts.get());
    println!("{} planted findings in {} accounts", planted.get(), accounts.get());
}

/// Three accounts, of which one could not be read.
fn organization() -> Inventory {
    let rows = [
        row("deployer", ("false", false), &[PlannedKey(true, 200, Some(2)), PlannedKey(true, 10, None)]),
        row("alice", ("true", true), &[PlannedKey(true, 30, Some(1))]),
    ];
    let users = [listed("/ci/", "deployer", &[("owner", "ops@example.com")]), listed("/", "alice", &[])];
    let of = |account: &str, rows: &str| {
        let rows = account_report::read(format!("{HEADER}\n{rows}").as_bytes()).unwrap();
        Inventory::new(account.to_owned(), None, inventory::holders(rows, &users, None), LIMITS, now())
    };
    let root = row("<root_account>", ("not_supported", true), &[PlannedKey(true, 2_000, Some(700))]);
    let inventories = vec![of("222233334444", &(rows.concat() + &root)), of("111122223333", &rows.concat())];
    let why = "not permitted to assume the role arn:aws:iam::555566667777:role/KeyAudit (sts:AssumeRole): User: \
               arn:aws:sts::123456789012:assumed-role/Audit/me is not authorized to perform: sts:AssumeRole";
    let not_read = UnreadAccount { account: "555566667777".into(), why: why.into() };
    Inventory::of_accounts(None, inventories, vec![not_read], LIMITS, now())
}

#[test]
fn several_accounts_are_one_table_and_none_is_left_out() {
    let organization = organization();
    let shown = text::render(&organization, text::ShownUsers::Worst);
    expect_file!["../golden/inventory-organization.txt"].assert_eq(&shown);
    let wide: Vec<_> = shown.lines().filter(|line| line.chars().count() > 100 && !line.contains("arn:")).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    let document = json::render(&organization);
    let accounts: Vec<_> =
        document["accounts"].as_array().unwrap().iter().map(|one| (&one["account"], &one["read"])).collect();
    let expected = [("111122223333", true), ("222233334444", true), ("555566667777", false)];
    let expected = expected.map(|(account, read)| (Json::from(account), Json::from(read)));
    assert_eq!(accounts, expected.iter().map(|(account, read)| (account, read)).collect::<Vec<_>>());
    assert!(document["holders"].as_array().unwrap().iter().all(|holder| holder["account"].is_string()));
    assert_eq!(document["counts"]["users"], 4);
    let csv = csv_table::render(&organization);
    let mut lines = csv.lines();
    let columns = lines.next().unwrap().split(',').count();
    assert!(csv.starts_with("account,user,") && lines.all(|line| line.split(',').count() == columns), "{csv}");
    assert!(csv.contains("555566667777") && csv.contains("account-not-read"), "{csv}");
    let page = html::render(&organization);
    assert!(
        page.contains("Account 555566667777 is not read") && page.contains("<button type=\"button\">Account</button>")
    );
    let lines = "- {name: /ci/deployer, account: '111122223333', owner: \"ops@example.com\"}";
    assert!(shown.contains(lines), "{shown}");
}
