//! Random configurations: valid ones, and ones that are wrong for a known reason.
#![allow(dead_code)] // Each test file uses its own part.

use proptest::{prelude::*, sample::select};
use synth::{
    config::{self, Checked, Overrides},
    stack::{self, StackError},
};

use super::keys;

/// The settings of a configuration, each as YAML text. Settings without a value are left out.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    pub(crate) users: Vec<String>,
    pub(crate) emails: Vec<String>,
    /// The other settings: name and YAML text.
    pub(crate) others: Vec<(&'static str, String)>,
    /// Whether lists are written on one line.
    pub(crate) flow: bool,
}

impl Random {
    pub(crate) fn text(&self) -> String {
        let list = |name: &str, items: &[String]| {
            if self.flow {
                format!("{name}: [{}]\n", items.join(", "))
            } else {
                format!("{name}: # each on its line\n  - {}\n", items.join("\n  - "))
            }
        };
        let others = self.others.iter().fold(String::new(), |text, (name, value)| text + name + ": " + value + "\n");
        let text = list("users", &self.users) + &others + &list("emails", &self.emails);
        text + "# The end.\n"
    }

    pub(crate) fn read(&self) -> Checked {
        let text = self.text();
        config::read(&text, Overrides::default()).unwrap_or_else(|e| panic!("{e}\n{text}"))
    }

    /// Sets or replaces one setting.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.others.retain(|(other, _)| *other != name);
        self.others.push((name, value.to_owned()));
        self
    }
}

/// The text without quotes if that is safe in YAML, otherwise with quotes.
fn quoted(text: &str, double: bool) -> String {
    let plain = text.len() > 5 && text.bytes().all(|b| b.is_ascii_lowercase());
    match (plain, double) {
        (true, _) => text.to_owned(),
        (_, true) => format!("\"{text}\""),
        (_, false) => format!("'{}'", text.replace('\'', "''")),
    }
}

/// The texts without duplicates, ignoring case.
fn distinct(texts: Vec<(String, String)>, double: bool) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let kept = texts.into_iter().filter(|(key, _)| seen.insert(key.to_ascii_lowercase()));
    kept.map(|(_, text)| quoted(&text, double)).collect()
}

/// An entry of `users`: only the selector, or a map with the settings of its users.
fn entry(word: &str, more: &[String], flow: bool) -> String {
    match (more, flow) {
        ([], _) => word.to_owned(),
        (more, true) => format!("{{name: {word}, {}}}", more.join(", ")),
        (more, false) => format!("{}\n    name: {word}", more.join("\n    ")),
    }
}

fn names() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![4 => "[a-zA-Z0-9+=,.@_-]{1,12}", 1 => "[a-zA-Z0-9+=,.@_-]{1,64}", 2 => "[a-z]{6,9}"];
    let path = prop_oneof![5 => Just(String::new()), 1 => "/([a-zA-Z0-9+=,.@_-]{1,9}/){0,3}"];
    let user = (path, name).prop_map(|(path, name)| (name.clone(), path + &name));
    prop_oneof![3 => prop::collection::vec(user.clone(), 1..6), 1 => prop::collection::vec(user, 1..90)]
}

/// Paths, which may contain each other.
fn paths() -> impl Strategy<Value = Vec<(String, String)>> {
    let path = prop_oneof![1 => Just("/".to_owned()), 9 => "/([a-c]{1,2}/|[a-zA-Z0-9+=,.@_-]{1,20}/){1,3}"];
    prop::collection::vec(path.prop_map(|path| (path.clone(), path)), 1..5)
}

/// Tags of one key.
fn tags() -> impl Strategy<Value = Vec<(String, String)>> {
    let values = prop::collection::vec("[a-zA-Z0-9_.:/+=@-]{0,12}", 1..5);
    ("[a-zA-Z0-9_.:/+@-]{1,12}", values).prop_map(|(key, values)| {
        values.into_iter().map(|value| (value.clone(), format!("tag:{key}={value}"))).collect()
    })
}

/// The selected users: names, which every delivery supports, or other selectors, or both.
#[derive(Debug, Clone)]
struct UserSelector {
    names: Vec<(String, String)>,
    paths: Vec<(String, String)>,
    tags: Vec<(String, String)>,
}

impl UserSelector {
    fn words(self, only_names: bool) -> Vec<(String, String)> {
        match self {
            Self { names, .. } if only_names => names,
            Self { tags, .. } if !tags.is_empty() => tags,
            Self { names, paths, .. } => paths.into_iter().chain(names).collect(),
        }
    }
}

fn users() -> impl Strategy<Value = UserSelector> {
    let nobody = || Just(Vec::new());
    let paths = prop_oneof![2 => nobody().boxed(), 1 => paths().boxed()];
    let tags = prop_oneof![3 => nobody().boxed(), 1 => tags().boxed()];
    (names(), paths, tags).prop_map(|(names, paths, tags)| UserSelector { names, paths, tags })
}

/// Exempt users that no other entry selects.
fn exempt(double: bool) -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "/?not-me-[a-z]{9}",
        "/not-me-[a-z]{9}/([a-z]{1,3}/)?",
        "tag:not-me-[a-z]{9}=[a-zA-Z0-9_.:/+=@-]{0,9}",
        "group:[a-zA-Z0-9+=,.@_-]{1,20}",
    ];
    let list = prop::collection::vec(word.prop_map(|word| (word.clone(), word)), 0..5);
    list.prop_map(move |words| format!("[{}]", distinct(words, double).join(", ")))
}

fn emails() -> impl Strategy<Value = Vec<(String, String)>> {
    let word = || prop_oneof![3 => "[a-zA-Z0-9]{1,9}", 1 => "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,15}"];
    let address = (word(), prop::option::of(word()), "[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?", "(co|example|museum|a1)")
        .prop_map(|(first, second, domain, top)| {
            let second = second.map(|word| format!(".{word}")).unwrap_or_default();
            let address = format!("{first}{second}@{domain}.{top}");
            (address.clone(), address)
        });
    prop::collection::vec(address, 1..8)
}

/// The readers of secrets, as a YAML list with up to three ARNs.
fn readers(double: bool) -> impl Strategy<Value = String> {
    let arn = "arn:aws(-cn)?:iam::[0-9]{12}:(role|user)/([a-zA-Z0-9+=,.@_-]{1,9}/){0,2}[a-zA-Z0-9+=,.@_-]{1,12}";
    let list = prop::collection::btree_set(arn, 0..4);
    list.prop_map(move |arns| {
        let arns: Vec<_> = arns.iter().map(|arn| quoted(arn, double)).collect();
        format!("[{}]", arns.join(", "))
    })
}

/// The endpoints, as a YAML list with up to three of them.
fn endpoints(double: bool) -> impl Strategy<Value = String> {
    let endpoint = prop_oneof![
        "arn:aws(-cn)?:sqs:eu-west-1:[0-9]{12}:[A-Za-z0-9_-]{1,20}",
        "arn:aws(-us-gov)?:lambda:eu-west-1:[0-9]{12}:function:[A-Za-z0-9_-]{1,20}(:[a-z]{1,9})?",
        "https://[a-z0-9]{1,9}[.](example|[a-z]{2,9}[.]co)(:[1-5][0-9]{1,4})?(/[A-Za-z0-9/._~:@!$&()*+,;=?%-]{0,20})?",
    ];
    let list = prop::collection::btree_set(endpoint, 0..4);
    list.prop_map(move |endpoints| {
        let endpoints: Vec<_> = endpoints.iter().map(|endpoint| quoted(endpoint, double)).collect();
        format!("[{}]", endpoints.join(", "))
    })
}

/// A span of this many seconds, in one of the ways to write it.
fn span(seconds: u64, unit: usize) -> String {
    let (length, letter) = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')][unit];
    if seconds.is_multiple_of(length) { format!("{}{letter}", seconds / length) } else { format!("{seconds}s") }
}

/// The age at which a key is replaced, and the other times. All are valid together.
fn timings() -> impl Strategy<Value = (u64, Vec<(&'static str, String)>)> {
    let day = 86_400;
    let seconds = move || prop_oneof![Just(0), 1..4_000u64, (0..400u64).prop_map(move |days| days * day)];
    let unused = prop::option::of(seconds());
    (seconds(), prop::option::of(seconds()), seconds(), seconds(), unused, 0..4usize).prop_map(
        |(overlap, window, more, warning, unused, unit)| {
            let rotate_after = (overlap + window.unwrap_or(0) + more).max(60);
            let window = window.map_or("next-rotation".to_owned(), |window| span(window, unit));
            let unused = unused.map(|unused| unused % rotate_after).filter(|unused| *unused > 0);
            let settings = vec![
                ("unused_after", unused.map_or("never".to_owned(), |unused| span(unused, unit))),
                ("rotate_after", span(rotate_after, unit)),
                ("overlap", span(overlap, unit)),
                ("delete_after", window),
                ("warn_before", span(warning % rotate_after, unit)),
            ];
            (rotate_after, settings)
        },
    )
}

fn schedule() -> impl Strategy<Value = String> {
    prop_oneof![
        (15..10_000u32, select(&["minutes", "hours"][..])).prop_map(|(n, unit)| format!("rate({n} {unit})")),
        (1..3_650u32).prop_map(|n| format!("rate({n} days)")),
        Just("rate(1 hour)".to_owned()),
        (
            0..60u32,
            0..24u32,
            select(&["* * ? *", "? * MON-FRI *", "L * ? *", "15W * ? *", "? * 2#1 *", "1,15 JAN-JUN ? 2030"][..])
        )
            .prop_map(|(minute, hour, days)| format!("cron({minute} {hour} {days})")),
        (2027..2100u32, 1..13u32, 1..29u32, 0..24u32, 0..60u32)
            .prop_map(|(y, m, d, hour, minute)| format!("at({y}-{m:02}-{d:02}T{hour:02}:{minute:02}:00)")),
    ]
}

/// A delivery and the settings that it needs: `encrypt_to`, or a key for each user.
#[derive(Debug, Clone, Default)]
struct RandomDelivery {
    delivery: Option<String>,
    encrypt_to: Option<String>,
    own: Vec<String>,
}

fn delivery() -> impl Strategy<Value = RandomDelivery> {
    let as_it_is = (select(&["secrets-manager", "email"][..]), select(&[None, Some("[]")][..]));
    let keys = |number| prop::collection::btree_set(any::<[u8; 31]>().prop_map(keys::age), number);
    let others = prop::sample::subsequence(vec![keys::ssh_ed25519() + " a comment", keys::ssh_rsa(256)], 0..=2);
    let list = |keys: Vec<String>| format!("['{}']", keys.join("', '"));
    let encrypted = || Some("email-encrypted".to_owned());
    prop_oneof![
        2 => Just(RandomDelivery::default()),
        2 => as_it_is.prop_map(|(delivery, encrypt_to)| RandomDelivery {
            delivery: Some(delivery.to_owned()),
            encrypt_to: encrypt_to.map(str::to_owned),
            own: Vec::new(),
        }),
        1 => (keys(1..4), others).prop_map(move |(keys, others)| RandomDelivery {
            delivery: encrypted(),
            encrypt_to: Some(list(keys.into_iter().chain(others).collect())),
            own: Vec::new(),
        }),
        1 => keys(90..91).prop_map(move |keys| RandomDelivery {
            delivery: encrypted(),
            encrypt_to: None,
            own: keys.into_iter().collect(),
        }),
    ]
}

/// What a company demands: tags, a permissions boundary, a path of the roles, and a reserved concurrency.
fn company(double: bool) -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let key = "[a-zA-Z0-9_.:/+@-]([a-zA-Z0-9_.:/+@ -]{0,20}[a-zA-Z0-9_.:/+@-])?";
    let value = "[a-zA-Z0-9_.:/+=@-]([a-zA-Z0-9_.:/+=@ -]{0,20}[a-zA-Z0-9_.:/+=@-])?";
    let tags = prop::collection::vec((key, value), 0..9).prop_map(move |tags| {
        let mut seen = std::collections::HashSet::new();
        let is_own = |key: &str| ["aws:", "access-key-rotation:"].iter().any(|prefix| key.starts_with(prefix));
        let tags = tags.into_iter().filter(|(key, _)| {
            let key = key.to_ascii_lowercase();
            key != "managed-by" && !is_own(&key) && seen.insert(key)
        });
        let tags: Vec<_> =
            tags.map(|(key, value)| format!("{}: {}", quoted(&key, double), quoted(&value, double))).collect();
        format!("{{{}}}", tags.join(", "))
    });
    let boundary = prop_oneof![
        Just("none".to_owned()),
        "arn:aws(-cn|-us-gov)?:iam::([0-9]{12}|aws):policy/([a-zA-Z0-9+=,.@_-]{1,9}/){0,2}[a-zA-Z0-9+=,.@_-]{1,64}",
    ];
    let path = prop_oneof![Just("/".to_owned()), "/([a-zA-Z0-9+=,.@_-]{1,12}/){1,3}"];
    let concurrency = prop_oneof![Just("none".to_owned()), (1..901u32).prop_map(|number| number.to_string())];
    let of = prop::option::of::<BoxedStrategy<String>>;
    (of(tags.boxed()), of(boundary.boxed()), of(path.boxed()), of(concurrency.boxed())).prop_map(
        move |(tags, boundary, path, concurrency)| {
            let settings = [
                ("tags", tags),
                ("permissions_boundary", boundary.map(|arn| quoted(&arn, double))),
                ("role_path", path.map(|path| quoted(&path, double))),
                ("reserved_concurrency", concurrency),
            ];
            settings.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
        },
    )
}

/// A valid configuration with as many users as fit. Some serve an organization.
pub(crate) fn right() -> impl Strategy<Value = Random> {
    prop_oneof![4 => for_one_account().boxed(), 1 => for_an_organization().boxed()]
}

/// A valid configuration for an organization.
pub(crate) fn for_an_organization() -> impl Strategy<Value = Random> {
    let account = || (0..1_000u32).prop_map(|number| format!("'{:012}'", 111_100_000_000u64 + u64::from(number)));
    let accounts = prop::collection::btree_set(account(), 2..6).prop_map(|set| set.into_iter().collect::<Vec<_>>());
    let units = prop_oneof![
        "r-[a-z0-9]{4}",
        ("[a-z0-9]{4}", prop::collection::btree_set("[a-z0-9]{8,12}", 1..4)).prop_map(|(root, units)| {
            units.iter().map(|unit| format!("ou-{root}-{unit}")).collect::<Vec<_>>().join(", ")
        }),
    ];
    let region = select(&["eu-west-1", "us-gov-west-1", "ap-southeast-2"][..]);
    let words = select(&["", ", administrator: management-account", ", administrator: delegated-administrator"][..]);
    let fields = ("o-[a-z0-9]{10,32}", region, units, accounts, words);
    (for_one_account(), fields, 0..3u8, any::<bool>()).prop_map(
        |(mut random, (id, region, units, accounts, administrator), filter, has_first)| {
            let (inside, filter) = match filter {
                0 => (&accounts[..], String::new()),
                1 => (&accounts[..], format!(", accounts: [{}]", accounts.join(", "))),
                _ => (&accounts[..1], format!(", exclude: [{}]", accounts[1..].join(", "))),
            };
            let first = if has_first { format!(", first: {}", inside[0]) } else { String::new() };
            let organization =
                format!("{{id: {id}, region: {region}, units: [{units}]{filter}{first}{administrator}}}");
            let refused =
                ["delivery", "encrypt_to", "digest", "stack_name", "schedule", "tags", "timeout", "account_name"];
            random.others.retain(|(name, _)| !refused.contains(name));
            random.others.iter_mut().for_each(|(_, value)| *value = in_region(value, region));
            random.users = random
                .users
                .iter()
                .enumerate()
                .map(|(index, user)| with_account(user, &inside[index % inside.len()], random.flow))
                .collect();
            let mut random = random.with("organization", &organization);
            while let Err(StackError::Policy { .. } | StackError::Environment { .. }) =
                stack::template(&random.read().config)
            {
                random.users.pop();
            }
            random
        },
    )
}

/// The value of a setting with all its keys and functions in this Region.
fn in_region(value: &str, region: &str) -> String {
    [":kms:", ":lambda:"].iter().fold(value.to_owned(), |value, service| {
        let mut parts = value.split(service);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |all, part| {
            let (_, rest) = part.split_once(':').unwrap_or_else(|| panic!("an ARN: {part}"));
            format!("{all}{service}{region}:{rest}")
        })
    })
}

/// An entry of `users` without a public key, and with an account if it names a user.
fn with_account(user: &str, account: &str, flow: bool) -> String {
    let (separator, fields) =
        if flow { (", ", user.trim_start_matches('{').trim_end_matches('}')) } else { ("\n    ", user) };
    let fields: Vec<_> = fields.split(separator).filter(|field| !field.starts_with("encrypt_to:")).collect();
    let name = fields.iter().find_map(|field| field.strip_prefix("name: ")).unwrap_or(fields[0]).to_owned();
    let bare = name.trim_matches(['"', '\'']);
    let account = (!bare.ends_with('/') && !bare.starts_with("tag:")).then(|| format!("account: {account}"));
    let others = fields.iter().filter(|field| !field.starts_with("name: ") && **field != name);
    entry(&name, &account.into_iter().chain(others.map(|field| (*field).to_owned())).collect::<Vec<_>>(), flow)
}

/// A valid configuration of a stack that rotates the keys of its own account.
pub(crate) fn for_one_account() -> impl Strategy<Value = Random> {
    let one_of = |words: &'static [&'static str]| select(words).prop_map(str::to_owned);
    let zones = &["UTC", "Asia/Tokyo", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+12"][..];
    let retentions = &["1d", "30d", "365d", "731d", "3653d"][..];
    let texts = (
        prop::option::of("[a-zA-Z][a-zA-Z0-9-]{0,63}"),
        prop::option::of(one_of(&["en", "ja"])),
        prop::option::of(schedule()),
        prop::option::of(one_of(zones)),
        prop::option::of(one_of(&["wait", "retire"])),
        prop::option::of(prop_oneof![Just("forever".to_owned()), (0..4_000u64).prop_map(|s| span(s, 3))]),
        delivery(),
        prop::option::of("[a-zA-Z0-9_+=.@-]{1,20}(/[a-zA-Z0-9_+=.@-]{1,20}){0,3}"),
        prop::option::of(one_of(&["arm64", "x86_64"])),
        prop::option::of(any::<bool>().prop_flat_map(readers)),
        prop::option::of(prop_oneof![
            Just("aws/secretsmanager".to_owned()),
            "arn:aws(-us-gov)?:kms:(eu-west-1|us-gov-east-1):[0-9]{12}:key/([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})",
        ]),
    );
    let numbers =
        (prop::option::of(128..10_241u32), prop::option::of(120..901u64), prop::option::of(one_of(retentions)));
    let key = |word: &'static str| {
        let id = "([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})";
        let arn = format!("arn:aws(-us-gov|-cn)?:kms:[a-z]{{2}}-[a-z]{{4,9}}-[1-9]:[0-9]{{12}}:key/{id}");
        let arn = prop::string::string_regex(&arn).expect("a pattern");
        prop::option::of(prop_oneof![Just(word.to_owned()), arn])
    };
    let watching = (key("own"), key("aws-owned"), prop::option::of(one_of(&["none", "fleet"])));
    let digest = prop::option::of(one_of(&["always", "changes", "never"]));
    let name = prop::option::of(one_of(&["none", "payments-prod", "a1-2b"]));
    let disabled = prop::option::of(one_of(&["skip", "replace"]));
    let unconfirmed = prop::option::of(one_of(&["hold", "proceed"]));
    // Most users have no owner. An owner may also be an administrator.
    let who = prop_oneof![1 => Just(Vec::new()), 1 => prop::collection::vec(prop::option::weighted(0.6, any::<prop::sample::Index>()), 90)];
    // The own times of some users leave as much room as the times of the others.
    let own_times =
        prop::collection::vec((prop::option::weighted(0.1, 0..1_000_000u64), prop::bool::weighted(0.1)), 90);
    let exempt = prop::option::of(any::<bool>().prop_flat_map(exempt));
    let notify = prop::option::of(any::<bool>().prop_flat_map(endpoints));
    let spoken = (exempt, prop::option::of(one_of(&["ignored", "honoured"])), notify);
    let people = (users(), emails(), prop::option::of(emails()), who, own_times, spoken);
    let watching = (watching, any::<bool>().prop_flat_map(company));
    (
        people,
        texts,
        (numbers, digest, name, disabled, unconfirmed),
        watching,
        prop::option::of(timings()),
        any::<[bool; 2]>(),
    )
        .prop_map(
            |(
                (users, emails, owners, who, own_times, (exempt, user_tags, notify)),
                texts,
                ((memory, timeout, retention), digest, name, disabled, unconfirmed),
                (watching, company),
                timings,
                [flow, double],
            )| {
                let (rotate_after, mut others) = timings.unwrap_or((60 * 86_400, Vec::new()));
                let mut set = |name, value: Option<String>| others.extend(value.map(|value| (name, value)));
                set("stack_name", texts.0.map(|name| quoted(&name, double)));
                set("language", texts.1);
                set("schedule", texts.2.map(|schedule| quoted(&schedule, double)));
                set("time_zone", texts.3);
                set("still_in_use", texts.4);
                set("wait_at_most", texts.5);
                let RandomDelivery { delivery, encrypt_to, own } = texts.6;
                set("delivery", delivery);
                set("encrypt_to", encrypt_to);
                set("secret_prefix", texts.7.map(|prefix| quoted(&prefix, double)));
                set("architecture", texts.8);
                set("secret_readers", texts.9);
                set("secret_kms_key", texts.10.map(|key| quoted(&key, double)));
                set("memory", memory.map(|memory| memory.to_string()));
                set("timeout", timeout.map(|seconds| span(seconds, 2)));
                set("log_retention", retention);
                set("topic_kms_key", watching.0.map(|key| quoted(&key, double)));
                set("log_kms_key", watching.1.map(|key| quoted(&key, double)));
                set("dashboard", watching.2);
                set("digest", digest);
                set("account_name", name);
                set("disabled_users", disabled);
                set("unconfirmed_recipients", unconfirmed);
                set("exempt", exempt);
                set("user_tags", user_tags);
                set("notify", notify);
                others.extend(company);
                let emails = distinct(emails, double);
                let owners = owners.map_or_else(|| emails.clone(), |owners| distinct(owners, double));
                let owner = |index: usize| Some(&owners[who.get(index)?.as_ref()?.index(owners.len())]);
                let more = |index: usize| {
                    let (later, at_once) = own_times.get(index).copied().unwrap_or_default();
                    let fields = [
                        owner(index).map(|owner| format!("owner: {owner}")),
                        own.get(index).map(|key| format!("encrypt_to: [{key}]")),
                        later.map(|seconds| format!("rotate_after: {}", span(rotate_after + seconds, 3))),
                        at_once.then(|| "overlap: 0".to_owned()),
                    ];
                    fields.into_iter().flatten().collect::<Vec<_>>()
                };
                let users = distinct(users.words(!own.is_empty()), double).into_iter().enumerate();
                let users = users.map(|(index, word)| entry(&word, &more(index), flow)).collect();
                let mut random = Random { users, emails, others, flow };
                let mut config = random.read().config;
                while let Err(StackError::Policy { .. } | StackError::Environment { .. }) = stack::template(&config) {
                    config.users.pop();
                    random.users.pop();
                }
                random
            },
        )
}

/// A text that is not a valid configuration.
#[derive(Debug, Clone)]
pub(crate) struct Wrong {
    pub(crate) text: String,
    /// The setting that the error must name. `None` if the text is not a map of settings.
    pub(crate) setting: Option<String>,
}

/// Values that are not valid for a setting.
const NEVER: [(&str, &[&str]); 29] = [
    ("user_tags", &["yes", "Honoured", "some", "key-rotation:owner"]),
    (
        "stack_name",
        &[
            "1st",
            "a_b",
            "''",
            "x-artifacts",
            "x-member",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ],
    ),
    ("language", &["fr", "EN", "english"]),
    ("account_name", &["Payments", "ab", "a--b", "-ab", "'a b'", "a_b"]),
    ("digest", &["sometimes", "Always", "daily", "change"]),
    (
        "schedule",
        &["daily", "rate(0 days)", "rate(1 days ago)", "cron(* * * * *)", "rate(1 minute)", "at(2027-02-30T00:00:00)"],
    ),
    ("time_zone", &["JST", "utc", "+09:00", "Asia/Edo"]),
    ("rotate_after", &["60", "0", "-1d", "1w", "99999d", "30s", "1.5d", "next-rotation"]),
    ("overlap", &["soon", "7 days", "4000d", "-1"]),
    ("delete_after", &["never", "next rotation", "4000d"]),
    ("still_in_use", &["maybe", "WAIT", "yes"]),
    ("disabled_users", &["maybe", "Skip", "true"]),
    ("unconfirmed_recipients", &["maybe", "Hold", "true"]),
    ("wait_at_most", &["long", "4000d", "for ever"]),
    ("unused_after", &["0", "0d", "Never", "forever", "45", "4000d", "next-rotation"]),
    ("warn_before", &["soon", "7 days", "4000d", "-1"]),
    ("delivery", &["fax", "secretsmanager", "e-mail"]),
    ("secret_prefix", &["/a", "a/", "a b", "''", "a*", "日本"]),
    ("secret_kms_key", &["alias/mine", "1234abcd", "'arn:aws:kms:eu-west-1:111122223333:alias/mine'", "'*'"]),
    ("architecture", &["arm", "amd64", "x86-64"]),
    ("memory", &["127", "10241", "-128", "128.5", "lots", "'128'", "1e3"]),
    ("timeout", &["119s", "901s", "16m", "0", "10"]),
    ("log_retention", &["8d", "0", "24h", "25h", "4000d", "forever"]),
    ("log_kms_key", &["own", "none", "arn:aws:kms:eu-west-1:111122223333:alias/mine"]),
    ("topic_kms_key", &["aws-owned", "alias/aws/sns", "arn:aws:sns:eu-west-1:111122223333:topic"]),
    ("dashboard", &["fleets", "both", "None"]),
    (
        "permissions_boundary",
        &["None", "boundary", "'*'", "arn:aws:iam::111122223333:role/x", "arn:aws:iam::aws:policy/"],
    ),
    ("role_path", &["service", "/service", "service/", "//", "/a b/", "'/*/'"]),
    ("reserved_concurrency", &["0", "-1", "901", "1.5", "'2'", "None", "all"]),
];

/// Values that are not valid for any setting.
const NOTHING: [&str; 8] = ["", "~", "[en]", "{a: b}", "true", "[]", "!x y", "\"\\0\""];

pub(crate) fn wrong() -> impl Strategy<Value = Wrong> {
    let blamed = |random: Random, setting: &str| Wrong { text: random.text(), setting: Some(setting.to_owned()) };
    let broken = |text: String| Wrong { text, setting: None };
    let never = select(&NEVER[..]).prop_flat_map(|(name, values)| (Just(name), select(values)));
    prop_oneof![
        3 => (for_one_account(), never).prop_map(move |(random, (name, value))| blamed(random.with(name, value), name)),
        2 => (for_one_account(), select(&NEVER[..]), select(&NOTHING[..]))
            .prop_map(move |(random, (name, _), value)| blamed(random.with(name, value), name)),
        // Unknown settings: an invented one, and a known one with a typing mistake.
        1 => (for_one_account(), "[a-z_]{1,9}x[0-9]").prop_map(move |(random, name)| {
            let text = format!("{}{name}: 1\n", random.text());
            Wrong { text, setting: Some(name) }
        }),
        1 => (for_one_account(), select(&NEVER[..]), any::<prop::sample::Index>()).prop_map(move |(random, (name, _), at)| {
            let at = at.index(name.len());
            let name = format!("{}-{}", &name[..at], &name[at + 1..]);
            let text = format!("{name}: 1\n{}", random.text());
            Wrong { text, setting: Some(name) }
        }),
        // Settings that contradict each other.
        1 => (for_one_account(), 1..400u32, 0..400u32, 1..400u32).prop_map(move |(random, overlap, window, less)| {
            let rotate_after = (overlap + window).saturating_sub(less).max(1);
            let overlap = if rotate_after >= overlap + window { rotate_after + 1 } else { overlap };
            let random = random.with("overlap", &format!("{overlap}d")).with("delete_after", &format!("{window}d"));
            blamed(random.with("rotate_after", &format!("{rotate_after}d")), "rotate_after")
        }),
        1 => (for_one_account(), 1..400u32, 0..400u32).prop_map(move |(random, rotate_after, more)| {
            let random = random.with("unused_after", &format!("{}d", rotate_after + more));
            let random = random.with("rotate_after", &format!("{rotate_after}d")).with("warn_before", "0");
            blamed(random.with("overlap", "0").with("delete_after", "0"), "unused_after")
        }),
        1 => (for_one_account(), 2..14u32).prop_map(move |(random, minutes)| {
            blamed(random.with("timeout", "15m").with("schedule", &format!("rate({minutes} minutes)")), "schedule")
        }),
        // Not `[]`, which is valid if each user has its own keys.
        1 => (for_one_account(), select(&["~", "[~]", "age1", "[alice]", "[age1]", "[7]", "{a: b}", "['ssh-dss AAAA']", "[AGE-SECRET-KEY-1]"][..]))
            .prop_map(move |(random, keys)| blamed(random.with("encrypt_to", keys).with("delivery", "email-encrypted"), "encrypt_to")),
        1 => (for_one_account(), select(&["secrets-manager", "email"][..]), any::<[u8; 31]>()).prop_map(move |(random, delivery, key)| {
            blamed(random.with("encrypt_to", &format!("[{}]", keys::age(key))).with("delivery", delivery), "encrypt_to")
        }),
        1 => for_one_account().prop_map(move |random| {
            let many: Vec<_> = (0..70).map(|n| keys::age([n; 31])).collect();
            blamed(random.with("encrypt_to", &format!("[{}]", many.join(", "))).with("delivery", "email-encrypted"), "encrypt_to")
        }),
        // Users and addresses.
        1 => (for_one_account(), select(&["'a b'", "7", "'*'", "~", "ci/bot", "[a]", "{a: b}", "'é'", "''"][..])).prop_map(move |(mut random, user)| {
            random.users.push(user.to_owned());
            blamed(random, "users")
        }),
        1 => (for_one_account(), select(&["nobody", "a@b", "'a @b.co'", "7", "~", "'Me <a@b.co>'"][..])).prop_map(move |(mut random, email)| {
            random.emails.push(email.to_owned());
            blamed(random, "emails")
        }),
        1 => (for_one_account(), select(&["~", "https://a.example/", "{a: b}", "[~]", "[ops@example.com]", "['http://a.example/']", "['https://u:p@a.example/']",
            "['arn:aws:sqs:eu-west-1:111122223333:q.fifo']", "['arn:aws:sns:eu-west-1:111122223333:t']", "['https://a.example/', 'https://a.example/']"][..]))
            .prop_map(move |(random, notify)| blamed(random.with("notify", notify), "notify")),
        1 => (for_one_account(), select(&["~", "nobody", "{a: b}", "[~]", "['*']", "[alice]", "['arn:aws:iam::111122223333:root']"][..]))
            .prop_map(move |(random, readers)| blamed(random.with("secret_readers", readers), "secret_readers")),
        1 => (for_one_account(), select(&["~", "team=payments", "[{a: b}]", "{a: }", "{a: ~}", "{a: 7}", "{7: a}", "{a: ''}", "{'': a}", "{a: [b]}",
            "{a: 'b,c'}", "{'a=b': c}", "{aws:x: y}", "{AWS:x: y}", "{managed-by: me}", "{access-key-rotation:user: me}", "{a: b, A: c}",
            "{日本: a}", "{' a': b}"][..])).prop_map(move |(random, tags)| blamed(random.with("tags", tags), "tags")),
        // What an organization does not allow, or allows only there.
        1 => (for_an_organization(), select(&["email", "email-encrypted"][..]))
            .prop_map(move |(random, delivery)| blamed(random.with("delivery", delivery), "delivery")),
        1 => for_an_organization().prop_map(move |random| blamed(random.with("digest", "always"), "digest")),
        1 => for_an_organization().prop_map(move |random| blamed(random.with("account_name", "a-b"), "account_name")),
        1 => for_an_organization().prop_map(move |random| {
            blamed(random.with("schedule", "rate(30 minutes)"), "schedule")
        }),
        1 => for_an_organization().prop_map(move |random| blamed(random.with("tags", "{a@b: c}"), "tags")),
        1 => for_an_organization().prop_map(move |random| blamed(random.with("stack_name", &"s".repeat(55)), "stack_name")),
        1 => (for_one_account(), select(&["~", "[]", "o-abcdefghij", "{}", "{id: o-abcdefghij}", "{id: o-abc, region: eu-west-1, units: [r-abcd]}",
            "{id: o-abcdefghij, region: Ireland, units: [r-abcd]}", "{id: o-abcdefghij, region: eu-west-1, units: []}",
            "{id: o-abcdefghij, region: eu-west-1, units: [r-abcd, r-abcd]}", "{id: o-abcdefghij, region: eu-west-1, units: [abcd]}",
            "{id: o-abcdefghij, region: eu-west-1, units: [r-abcd], accounts: ['1']}",
            "{id: o-abcdefghij, region: eu-west-1, units: [r-abcd], accounts: ['111122223333'], exclude: ['111122223333']}",
            "{id: o-abcdefghij, region: cn-north-1, units: [r-abcd]}",
            "{id: o-abcdefghij, region: eu-west-1, units: [r-abcd, r-abce]}",
            "{id: o-abcdefghij, region: eu-west-1, units: [ou-abcd-11112222, r-abcd]}",
            "{id: o-abcdefghij, region: eu-west-1, units: [ou-abcd-11112222, ou-abce-11112222]}",
            "{id: o-abcdefghij, region: eu-west-1, units: [r-abcd], exclude: ['111122223333'], first: '111122223333'}",
            "{id: o-abcdefghij, region: eu-west-1, units: [r-abcd], accounts: ['111122223333'], first: '222233334444'}",
            "{id: o-abcdefghij, region: eu-west-1, units: [r-abcd], accounts: ['111122223333'], first: '111122223333'}",
            "{id: o-abcdefghij, region: eu-west-1, units: [r-abcd], administrator: me}"][..]))
            .prop_map(move |(random, organization)| blamed(random.with("organization", organization), "organization")),
        1 => (for_one_account(), select(&["{name: new-1, account: '111122223333'}", "{name: /new-1/, account: '111122223333'}",
            "{name: new-1, account: '1'}", "{name: new-1, account: 111122223333}"][..])).prop_map(move |(mut random, user)| {
            random.users.push(user.to_owned());
            blamed(random, "users")
        }),
        1 => (for_one_account(), 49..60u32).prop_map(move |(random, number)| {
            let tags: Vec<_> = (0..number).map(|n| format!("k{n}: v")).collect();
            blamed(random.with("tags", &format!("{{{}}}", tags.join(", "))), "tags")
        }),
        1 => (for_one_account(), select(&["{name: a b}", "{owner: a@b.co}", "{name: new-1, owner: nobody}", "{name: new-1, onwer: a@b.co}",
            "{name: new-1, owner: [a@b.co]}", "{name: new-1, name: new-1}", "{}", "{name: }"][..]))
            .prop_map(move |(mut random, user)| {
            random.users.push(user.to_owned());
            blamed(random, "users")
        }),
        1 => for_one_account().prop_map(move |mut random| {
            random.users.push(random.users[0].clone());
            blamed(random, "users")
        }),
        // Selected and exempt users.
        1 => (for_one_account(), select(&["'group:people'", "{name: 'group:people'}", "'tag:x'", "ci/", "/a//", "/*/", "{name: /x-1/, encrypt_to: [age1]}",
            "{name: x-1, rotate_after: 30s}", "{name: x-1, overlap: soon}", "{tag: a=b}"][..])).prop_map(move |(mut random, user)| {
            random.users.push(user.to_owned());
            blamed(random, "users")
        }),
        1 => for_one_account().prop_map(move |mut random| {
            let is_by_tag = random.users[0].contains("tag:");
            random.users.push(if is_by_tag { "/by/path/" } else { "'tag:by=tag'" }.to_owned());
            blamed(random, "users")
        }),
        1 => (for_one_account(), 1..20u32).prop_map(move |(mut random, days)| {
            random.users.push(format!("{{name: new-1, rotate_after: {days}d}}"));
            let random = random.with("overlap", "10d").with("delete_after", "10d").with("rotate_after", "20d");
            blamed(random.with("warn_before", "0").with("unused_after", "never"), "users")
        }),
        1 => (for_one_account(), select(&["~", "alice", "[~]", "['group:']", "['tag:x']", "[ci/]", "{a: b}", "[7]", "['*']", "[alice-1, /x/Alice-1]",
            "[/]", "['group:x', 'group:X']", "['tag:access-key-rotation:x=y']", "[{name: x}]"][..]))
            .prop_map(move |(random, exempt)| blamed(random.with("exempt", exempt), "exempt")),
        1 => (for_one_account(), 70..200usize).prop_map(move |(mut random, number)| {
            random.users = (0..number).map(|n| format!("user-{n}")).collect();
            blamed(random.with("delivery", "email").with("encrypt_to", "[]"), "users")
        }),
        // Text that is not YAML, or not a map of settings.
        1 => (for_one_account(), any::<prop::sample::Index>()).prop_map(move |(random, at)| {
            let text = random.text();
            let lines: Vec<&str> = text.lines().collect();
            let at = at.index(lines.len());
            let (before, after) = (lines[..at].join("\n"), lines[at..].join("\n"));
            broken(format!("{before}\n\t]{after}\n"))
        }),
        1 => for_one_account().prop_map(move |random| broken(random.text() + &random.text())),
        1 => for_one_account().prop_map(move |random| broken(random.text() + "wait_at_most: *nobody\n")),
        1 => any::<String>().prop_map(broken),
        1 => "[ -~\n\t]{0,300}".prop_map(broken),
    ]
}
