//! `make demo` shows the whole system on a local AWS, step by step.

use std::{
    io::Write,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use lambda::{
    model::time::{Span, Timestamp},
    protocol::{
        journal::{Disabled, DisabledBy, JournalEntry, KeyNote},
        policy::{DeleteAfter, Delivery, Policy},
    },
};
use serde_json::{Value as Json, json};
use synth::config::{self, Config, Overrides};
use tests::{
    Account, KeyPair, LocalAws, Mail, Mailbox, Stack,
    account::{ListedKey, OwnedKey},
};

/// The four users of the demo, each with a key at another stage of its life.
const STAGES: [(&str, &str); 4] = [
    ("young", "its key is young"),
    ("too-old", "its key is too old"),
    ("past-overlap", "its old key is past the overlap with the new one"),
    ("past-window", "its disabled key is past the time it is kept"),
];

#[tokio::main]
async fn main() -> ExitCode {
    let path = std::env::args_os().nth(1).map_or_else(|| tests::root().join("rotation.yaml"), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("{}: cannot be read; name a configuration: make demo CONFIG=examples/article.yaml", path.display());
        return ExitCode::from(2);
    };
    if let Err(problems) = config::read(&text, Overrides::default()) {
        eprint!("{}", problems.render(&path.display().to_string(), &text));
        return ExitCode::from(2);
    }
    let package = tests::stack::package();
    if !package.exists() {
        eprintln!("{}: there is no package; make demo builds one, unless PACKAGE names another", package.display());
        return ExitCode::from(2);
    }
    if demo(&text).await { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The configuration. If its mails are encrypted, they are encrypted to this reader, because the demo does not have the
/// private keys of the configured readers.
fn read_by(configuration: &str, reader: &KeyPair) -> String {
    let mut settings: serde_yaml::Mapping = serde_yaml::from_str(configuration).unwrap_or_default();
    if settings.get("delivery").and_then(serde_yaml::Value::as_str) != Some("email-encrypted") {
        return configuration.to_owned();
    }
    settings.insert("encrypt_to".into(), vec![reader.public.to_string()].into());
    serde_yaml::to_string(&settings).unwrap_or_default()
}

/// Runs the demo. False if a key is not in the state that the configuration requires.
async fn demo(configuration: &str) -> bool {
    let began = Instant::now();
    let step = |text: &str| progress(began, text);

    step("starting a local AWS");
    let mut aws = LocalAws::start().await;
    let account = Account::of(&aws).await;
    let users = STAGES.map(|(user, _)| user);
    let reader = KeyPair::new();
    let configuration = &read_by(configuration, &reader);
    let overrides = Overrides { users: users.iter().map(|user| user.parse().ok()).collect(), ..Overrides::default() };
    let Ok(checked) = config::read(configuration, overrides) else { return false };
    let config = checked.config;

    // The emulator lets a schedule wait one interval before it fires for the first time; AWS lets a rate fire at once. So the stack
    // is created one interval ago.
    let period = config.period();
    let deployed_ago = period.unwrap_or(Span::days(1));
    step(&format!("generating the template and deploying it, {deployed_ago} ago"));
    aws.shift_clock(-deployed_ago.as_seconds().cast_signed());
    let stack = Stack::deploy(&aws, configuration, &users);
    let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;
    heading("The stack");
    show_resources(&stack);

    heading("The keys before");
    let cast = Cast::make(&mut aws, &account, &config.policy).await;
    let before = show_keys(&account).await;

    heading("The run");
    aws.shift_clock(0);
    if period.is_some() {
        step(&format!("the clock is now; waiting for the schedule {} to fire", config.schedule.as_str()));
    } else {
        step(&format!("{} need not fire soon: invoking the function itself", config.schedule.as_str()));
        let _ = stack.invoke(&aws, &json!({}));
    }
    let Some(summary) = wait_for_summary(&aws, &stack).await else {
        println!("  the schedule did not fire within 60 s; the emulator said:\n{}", aws.emulator_log());
        return false;
    };
    step(summary["message"].as_str().unwrap_or_default());
    for event in events(&aws, &stack).iter().filter(|event| event["result"].is_string()) {
        let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
        println!("  {:<13} {:<10} {}", text("user"), text("result"), text("why"));
    }

    heading("The keys after");
    let after = show_keys(&account).await;

    heading("The mails");
    let mails = mailbox.take().await;
    for mail in &mails {
        println!("  Subject: {}\n", mail.subject);
        mail.body.lines().for_each(|line| println!("  | {line}"));
        println!();
    }

    heading("The proof");
    let delivered = find_delivered(&account, &config, &reader, &mails, &users).await;
    let right = prove(&aws, &cast, &before, &after, &delivered).await;
    println!(
        "\n{} in {:.1} s",
        if right { "All is as the configuration says" } else { "SOMETHING IS WRONG" },
        began.elapsed().as_secs_f64()
    );

    heading("The inventory");
    show_inventory(&aws, configuration);
    right
}

/// Shows the account as `make inventory` does.
fn show_inventory(aws: &LocalAws, configuration: &str) {
    let mut settings: serde_yaml::Mapping = serde_yaml::from_str(configuration).unwrap_or_default();
    settings.insert("users".into(), STAGES.map(|(user, _)| user).to_vec().into());
    let file = aws.folder.path().join("rotation.yaml");
    let written = serde_yaml::to_string(&settings).ok().and_then(|text| std::fs::write(&file, text).ok());
    assert!(written.is_some(), "{} cannot be written", file.display());
    let file = file.display().to_string();
    let output = tests::deployer::command(aws, &["inventory", "--config", &file, "--all"]).output();
    print!("{}", tests::text(&output.expect("synth starts")).replace(&file, "rotation.yaml"));
}

/// The keys that the users hold before the run.
struct Cast {
    young: OwnedKey,
    too_old: OwnedKey,
    past_overlap: [OwnedKey; 2],
    past_window: [OwnedKey; 2],
    /// Whether a disabled key is kept until a rotation needs a free place in the quota.
    kept_until_rotation: bool,
    /// Whether an old key is deactivated as soon as its successor was delivered.
    no_overlap: bool,
}

impl Cast {
    /// Creates each key at its time. Only the emulator's clock is moved; its data stay unchanged.
    async fn make(aws: &mut LocalAws, account: &Account, policy: &Policy) -> Self {
        let days = |n| Span::days(n).as_seconds();
        let (rotate_after, overlap) = (policy.rotate_after.as_seconds(), policy.overlap.as_seconds());
        let window = match policy.delete_after {
            DeleteAfter::Window(window) => Some(window.as_seconds()),
            DeleteAfter::NextRotation => None,
        };
        // The successor of the key that is past its overlap must not be due itself.
        let successor = if overlap == 0 { 1 } else { (overlap + days(1)).min(rotate_after - 1) };
        // If a disabled key is kept until the next rotation, that rotation must be due.
        let current = window.map_or(rotate_after + days(10), |w| (w + days(1)).min(rotate_after - 1));
        let disabled = current + rotate_after;

        for (user, _) in STAGES {
            account.create_user(user).await;
        }
        let at = |aws: &mut LocalAws, ago: u64| aws.shift_clock(-ago.cast_signed());
        at(aws, disabled.max(current));
        let disabled_key = account.create_key("past-window").await;
        at(aws, current);
        let current_key = account.create_key("past-window").await;
        account.deactivate("past-window", &disabled_key).await;
        // The journal of the run that disabled the key.
        let since = aws.now();
        if window.is_some() {
            account.write_journal("past-window", &JournalEntry::Disabled(vec![note(&disabled_key, since)])).await;
        }
        at(aws, rotate_after + days(10));
        let too_old = account.create_key("too-old").await;
        let superseded = account.create_key("past-overlap").await;
        at(aws, successor.min(rotate_after / 2));
        let young = account.create_key("young").await;
        at(aws, successor);
        let successor_key = account.create_key("past-overlap").await;
        // The journal of the run that delivered the key.
        let delivered = KeyNote { key: parse(&successor_key), at: aws.now() };
        account.write_journal("past-overlap", &JournalEntry::Delivered(delivered)).await;
        Self {
            young,
            too_old,
            past_overlap: [superseded, successor_key],
            past_window: [disabled_key, current_key],
            kept_until_rotation: window.is_none(),
            no_overlap: overlap == 0,
        }
    }
}

fn note(key: &OwnedKey, at: Timestamp) -> Disabled {
    Disabled { key: parse(key), at, by: DisabledBy::Rotation }
}

fn parse(key: &OwnedKey) -> lambda::model::access_key::AccessKeyId {
    key.id.parse().expect("the emulator's key ids are key ids")
}

type Keys = Vec<(&'static str, Vec<ListedKey>)>;

async fn show_keys(account: &Account) -> Keys {
    let mut all = Vec::new();
    for (user, stage) in STAGES {
        println!("  {user:<13} {stage}");
        let keys = account.keys(user).await;
        for key in &keys {
            let age = Timestamp::now().since(Timestamp::from_unix(key.created));
            let state = if key.active { "active" } else { "inactive" };
            println!("    {} {state:<9} {} old", key.id, rounded(age));
        }
        all.push((user, keys));
    }
    all
}

/// A span, rounded to its largest unit.
fn rounded(span: Span) -> String {
    let seconds = span.as_seconds();
    let unit = [("days", 86_400), ("hours", 3_600), ("minutes", 60)].into_iter().find(|(_, unit)| seconds >= 2 * unit);
    unit.map_or_else(|| format!("{seconds} seconds"), |(name, unit)| format!("{} {name}", seconds / unit))
}

/// Prints each resource that the deployment created.
fn show_resources(stack: &Stack) {
    let resources = stack.deployment.of_kind("resource").filter(|event| event["status"] == "CREATE_COMPLETE");
    for event in resources.filter(|event| event["type"] != "AWS::CloudFormation::Stack") {
        let text = |field: &str| event[field].as_str().unwrap_or_default();
        let count = format!("{}/{}", event["done"], event["of"]);
        println!("  {count:>5}  {:<32} {}", text("resource"), text("type"));
    }
}

/// The handler's log, event by event.
fn events(aws: &LocalAws, stack: &Stack) -> Vec<Json> {
    stack.log(aws).iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

async fn wait_for_summary(aws: &LocalAws, stack: &Stack) -> Option<Json> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_mins(1) {
        let found = events(aws, stack).into_iter().find(|event| event["summary"].is_object());
        if found.is_some() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    None
}

/// The new keys, from the place where their owners get them.
async fn find_delivered(
    account: &Account,
    config: &Config,
    reader: &KeyPair,
    mails: &[Mail],
    users: &[&'static str],
) -> Vec<(&'static str, String, OwnedKey)> {
    let mut found = Vec::new();
    for &user in users {
        if config.mail_is_delivery() {
            let mut mails = mails.iter().filter(|mail| mail.is_about(user));
            let (place, key) = match config.policy.delivery {
                Delivery::EmailEncrypted => ("the mail's block", mails.find_map(|mail| mail.open(reader))),
                _ => ("the mail", mails.find_map(Mail::key)),
            };
            found.extend(key.map(|key| (user, place.to_owned(), key)));
        } else {
            let name = config.secret_prefix.secret_name(&user.parse().expect("a user name"));
            let value = account.secret(&name).await;
            let place = format!("Secrets Manager, {name}");
            found.extend(value.as_ref().and_then(OwnedKey::from_secret).map(|key| (user, place, key)));
        }
    }
    found
}

/// Checks that each key is in the state that the policy requires for its stage.
async fn prove(
    aws: &LocalAws,
    cast: &Cast,
    before: &Keys,
    after: &Keys,
    delivered: &[(&'static str, String, OwnedKey)],
) -> bool {
    let mut right = true;
    let mut check = |holds: bool, what: String| {
        println!("  {} {what}", if holds { "ok   " } else { "WRONG" });
        right &= holds;
    };
    for (user, place, key) in delivered {
        let identity = key.identity(aws).await;
        let holds = identity.as_ref().is_ok_and(|arn| arn.ends_with(&format!("user/{user}")));
        let said = identity.unwrap_or_else(|code| code);
        check(holds, format!("{user}: the new key {} from {place} works: STS says {said}", key.id));
    }
    let expected = 1 + usize::from(cast.kept_until_rotation);
    check(delivered.len() == expected, format!("{expected} new key(s) were delivered"));

    let state = |keys: &Keys, key: &OwnedKey| {
        let all = keys.iter().flat_map(|(_, keys)| keys);
        all.into_iter().find(|listed| listed.id == key.id).map(|listed| listed.active)
    };
    check(state(after, &cast.young) == Some(true), "young: nothing was done".into());
    check(state(before, &cast.too_old) == Some(true), "too-old: the old key was active".into());
    let [superseded, successor] = &cast.past_overlap;
    check(
        state(after, superseded) == Some(false) && superseded.identity(aws).await.is_err(),
        format!("past-overlap: the old key {} is inactive, and AWS refuses it", superseded.id),
    );
    check(state(after, successor) == Some(true), "past-overlap: its successor is active".into());
    let [disabled, current] = &cast.past_window;
    check(state(after, disabled).is_none(), format!("past-window: the disabled key {} is deleted", disabled.id));
    // With an overlap, a key that was just replaced is still active. Without one, it is not.
    let at_once = state(after, &cast.too_old) == Some(false);
    if cast.kept_until_rotation {
        check(state(after, current).is_some(), "past-window: the current key was replaced in its turn".into());
    } else {
        check(state(after, current) == Some(true), "past-window: its current key is active".into());
    }
    let fate = if at_once { "inactive, as there is no overlap" } else { "still active, for the overlap" };
    check(at_once == cast.no_overlap, format!("too-old: the old key is {fate}"));
    right
}

fn heading(text: &str) {
    println!("\n{text}\n{}", "-".repeat(text.chars().count()));
}

fn progress(began: Instant, text: &str) {
    let seconds = began.elapsed().as_secs_f64();
    let dim = anstyle::Style::new().dimmed();
    anstream::println!("{dim}{seconds:5.1} s{dim:#}  {text}");
    let _ = std::io::stdout().flush();
}
