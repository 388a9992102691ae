//! The notices after a run: when one is sent, who gets it, and what it says. External texts in it cannot forge
//! anything.

use std::{collections::BTreeSet, path::Path, sync::LazyLock};

use expect_test::expect_file;
use lambda::{
    contract::{
        account_name::AccountName,
        digest_frequency::DigestFrequency,
        language::Language,
        member_event::MemberEvent,
        run_summary::RunSummary,
        settings::Settings,
        user_entry::{TAGS, UserOverrides},
    },
    model::{
        access_key::{
            AccessKeyId, Key,
            KeyStatus::{self, Active, Inactive},
            LastUse,
        },
        email::Email,
        time::{Span, Timestamp},
        user::UserName,
        user_config_error::UserConfigError,
    },
    notice::{Aftermath, Digested, Notice, NoticeKind, NoticeOrigin, Publication, notices},
    protocol::{
        call::{
            Call,
            RemovalReason::{self, Superseded},
        },
        call_error::{CallError, Effect, ErrorCode},
        journal::{JournalParseError, RunId},
        manager::Manager,
        overdue::Overdue,
        policy::{DeleteAfter, Delivery, Policy},
        run::RunAction,
        stop_reason::{NeedsAttention, StopReason, Unheard},
    },
    report::run_report::{HANDLER_VERSION, KeyChange, RunReport, Unsent, UserReport},
    selection::{
        fleet::NotDue,
        routing::{Audience, ConfirmedAddresses, ENDPOINTS, Envelope},
    },
};
use proptest::prelude::*;

const LANGUAGES: [(&str, Language); 2] = [("en", Language::English), ("ja", Language::Japanese)];

fn key(n: u8) -> AccessKeyId {
    format!("AKIAEXAMPLE{n:09}").parse().unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_unix(1_795_490_200)
}

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

fn policy(delivery: Delivery) -> Policy {
    Policy { delivery, ..crate::common::careful() }
}

fn settings(delivery: Delivery, owner: Option<&str>) -> Settings {
    let owner = owner.map(|owner| format!(";owner={owner}")).unwrap_or_default();
    crate::common::settings(&format!("alice{owner}"), policy(delivery))
}

fn failure(code: &str, message: &str, effect: Effect) -> CallError {
    CallError { effect, code: ErrorCode::Aws(code.to_owned()), message: message.into() }
}

fn keys(all: &[(u8, KeyStatus)]) -> Vec<Key> {
    let key = |(n, status): &(u8, KeyStatus)| Key {
        id: key(*n),
        status: *status,
        created: now().before(Span::days(90 - 10 * u64::from(*n))),
    };
    all.iter().map(key).collect()
}

fn report(found: &[(u8, KeyStatus)], done: Vec<KeyChange>, left: &[(u8, KeyStatus)], rest: &StopReason) -> UserReport {
    UserReport::new("alice".parse().unwrap(), &RunAction::Routine, keys(found), done, keys(left), rest)
}

fn created(n: u8) -> KeyChange {
    KeyChange::Created { key: key(n) }
}

fn delivered(n: u8) -> KeyChange {
    KeyChange::Delivered { key: key(n) }
}

fn deactivated(n: u8, why: RemovalReason) -> KeyChange {
    KeyChange::Deactivated { key: key(n), why }
}

fn deleted(n: u8, why: RemovalReason) -> KeyChange {
    KeyChange::Deleted { key: key(n), why }
}

fn failed(call: Call, effect: Effect) -> StopReason {
    StopReason::Failed(Box::new((call, failure("Throttling", "Rate exceeded", effect))))
}

/// An address, or the role that it has in these tests.
fn word(email: &Email) -> String {
    if email.as_str() == "security@example.com" { "administrators".into() } else { email.to_string() }
}

/// The notices of a report: each kind, with its recipients.
fn said(report: &UserReport, settings: &Settings, confirmed: &ConfirmedAddresses) -> Vec<String> {
    let readers = |notice: &Notice<'_>| notice.to.iter().map(|email| word(email)).collect::<Vec<_>>().join(" ");
    notices(report, settings, confirmed, now())
        .iter()
        .map(|notice| format!("{}: {}", notice.kind.as_str(), readers(notice)))
        .collect()
}

type Case = (&'static str, Delivery, UserReport, Vec<String>);

const BOTH: &str = "o@b.co administrators";

fn until() -> Timestamp {
    now() + Span::days(7)
}

/// The changes, and who is notified of each.
fn changes() -> Vec<Case> {
    let healthy = StopReason::Healthy(until());
    let rotated = || vec![created(2), delivered(2)];
    let superseded = || vec![created(2), delivered(2), deactivated(1, Superseded)];
    vec![
        ("healthy", Delivery::Email, report(&[(1, Active)], vec![], &[(1, Active)], &healthy), vec![]),
        // The owner already has a mail, which was a step of the plan.
        (
            "rotated",
            Delivery::SecretsManager,
            report(&[(1, Active)], rotated(), &[(1, Active), (2, Active)], &StopReason::Overlap(key(1), until())),
            vec![],
        ),
        (
            "warned",
            Delivery::Email,
            report(&[(1, Active)], vec![KeyChange::Warned { key: key(1) }], &[(1, Active)], &healthy),
            vec![],
        ),
        // The administrators do not get the mail with the secret. The digest names the new key.
        (
            "mailed, and the old key retired at once",
            Delivery::Email,
            report(&[(1, Active)], superseded(), &[(1, Inactive), (2, Active)], &healthy),
            vec![],
        ),
        (
            "retired",
            Delivery::SecretsManager,
            report(
                &[(1, Active), (2, Active)],
                vec![deactivated(1, Superseded)],
                &[(1, Inactive), (2, Active)],
                &StopReason::Window(key(1), until()),
            ),
            vec![format!("retired: {BOTH}")],
        ),
        (
            "retired and deleted",
            Delivery::SecretsManager,
            report(
                &[(1, Active), (2, Active)],
                vec![deactivated(1, Superseded), deleted(1, RemovalReason::WindowOver)],
                &[(2, Active)],
                &healthy,
            ),
            vec![format!("deleted: {BOTH}")],
        ),
        (
            "a place made, then rotated",
            Delivery::Email,
            report(
                &[(1, Inactive), (2, Active)],
                vec![deleted(1, RemovalReason::PlaceNeeded), created(3), delivered(3), deactivated(2, Superseded)],
                &[(2, Inactive), (3, Active)],
                &healthy,
            ),
            vec![format!("deleted: {BOTH}")],
        ),
        // The new key, which its owner put in place just when it was withdrawn. No old key was reactivated.
        (
            "a mailed key turns out to be in use",
            Delivery::Email,
            report(
                &[(1, Active), (2, Active)],
                vec![deactivated(2, RemovalReason::Withdrawn), KeyChange::Reactivated { key: key(2) }, delivered(2)],
                &[(1, Active), (2, Active)],
                &StopReason::Overlap(key(1), until()),
            ),
            vec![],
        ),
        (
            "undone",
            Delivery::Email,
            report(
                &[(1, Inactive), (2, Active)],
                vec![KeyChange::Reactivated { key: key(1) }],
                &[(1, Active), (2, Active)],
                &StopReason::Undone(key(1), until()),
            ),
            vec![format!("reactivated: {BOTH}")],
        ),
    ]
}

/// Deactivations without a successor, and who is notified of them.
fn removals() -> Vec<Case> {
    vec![
        (
            "unused",
            Delivery::Email,
            report(
                &[(1, Active)],
                vec![deactivated(1, RemovalReason::Disuse)],
                &[(1, Inactive)],
                &StopReason::Disabled,
            ),
            vec![format!("disused: {BOTH}")],
        ),
        (
            "revoked",
            Delivery::SecretsManager,
            report(
                &[(1, Active), (2, Active)],
                vec![deactivated(1, RemovalReason::Revoked)],
                &[(1, Inactive), (2, Active)],
                &StopReason::Revoked(key(1)),
            ),
            vec![format!("revoked: {BOTH}")],
        ),
    ]
}

/// What keeps a user from a rotation, and who is notified of it.
fn hindrances() -> Vec<Case> {
    vec![
        // In a later run.
        (
            "still undone",
            Delivery::Email,
            report(
                &[(1, Active), (2, Active)],
                vec![],
                &[(1, Active), (2, Active)],
                &StopReason::Undone(key(1), until()),
            ),
            vec![],
        ),
        (
            "still in use",
            Delivery::Email,
            report(&[(1, Active)], vec![], &[(1, Active)], &StopReason::StillInUse(key(1), LastUse::Unknown)),
            vec![format!("still-in-use: {BOTH}")],
        ),
        (
            "failed at once",
            Delivery::Email,
            report(&[], vec![], &[], &failed(Call::ListAccessKeys, Effect::Unknown)),
            vec![format!("failed: {BOTH}")],
        ),
        (
            "taken back",
            Delivery::Email,
            report(
                &[(1, Active)],
                vec![created(2), deactivated(2, RemovalReason::Withdrawn), deleted(2, RemovalReason::Withdrawn)],
                &[(1, Active)],
                &StopReason::Withdrawn(Box::new((Call::CreateSecret, failure("x", "y", Effect::None)))),
            ),
            vec![format!("failed: {BOTH}")],
        ),
        (
            "needs a person",
            Delivery::Email,
            report(&[(1, Active)], vec![], &[(1, Active)], &StopReason::NeedsAttention(NeedsAttention::SameAge)),
            vec![format!("needs-attention: {BOTH}")],
        ),
        (
            "a pair in use",
            Delivery::Email,
            report(
                &[(1, Active), (2, Active)],
                vec![],
                &[(1, Active), (2, Active)],
                &StopReason::UnmadePairInUse(key(1), LastUse::Never),
            ),
            vec![format!("pair-in-use: {BOTH}")],
        ),
        // The owner would have to confirm first.
        (
            "no confirmed recipient",
            Delivery::Email,
            report(&[(1, Active)], vec![], &[(1, Active)], &StopReason::NoConfirmedRecipient(Unheard::Secret)),
            vec!["no-confirmed-recipient: administrators".into()],
        ),
        (
            "another run at work",
            Delivery::Email,
            report(&[(1, Active)], vec![], &[(1, Active)], &StopReason::Busy("run".parse().unwrap(), until())),
            vec![],
        ),
        (
            "too late to undo",
            Delivery::Email,
            report(&[(1, Inactive)], vec![], &[(1, Inactive)], &StopReason::TooLateToUndo(key(1))),
            vec![],
        ),
    ]
}

#[test]
fn a_change_is_reported_once_and_a_problem_in_each_run() {
    for (case, delivery, report, expected) in changes().into_iter().chain(removals()).chain(hindrances()) {
        let none = ConfirmedAddresses::default();
        assert_eq!(said(&report, &settings(delivery, Some("o@b.co")), &none), expected, "{case}");
        // Of an owner who has confirmed, the administrators find a copy in the digest.
        let owner = ConfirmedAddresses::from_iter([("email", "o@b.co")]);
        let owners: Vec<_> = expected.iter().map(|said| said.replace(BOTH, "o@b.co")).collect();
        assert_eq!(
            said(&report, &settings(delivery, Some("O@b.co")), &owner).join(";").to_lowercase(),
            owners.join(";"),
            "{case}, confirmed"
        );
        // Without an owner, the administrators get every notice.
        let mine: Vec<_> = expected.iter().map(|said| said.replace("o@b.co ", "")).collect();
        assert_eq!(said(&report, &settings(delivery, None), &owner), mine, "{case}, without an owner");
    }
}

#[test]
fn a_failure_says_how_the_keys_stand() {
    let one = [(1, Active)];
    for (done, left, call, effect, expected) in [
        (vec![], &one[..], Call::ListUserTags, Effect::Unknown, Aftermath::Untouched),
        (vec![], &one, Call::CreateAccessKey, Effect::None, Aftermath::Untouched),
        (vec![], &one, Call::CreateAccessKey, Effect::Unknown, Aftermath::DeliveryUnknown(None)),
        (
            vec![created(2)],
            &[(1, Active), (2, Active)],
            Call::PutSecretValue(key(2)),
            Effect::Unknown,
            Aftermath::DeliveryUnknown(Some(&key(2))),
        ),
        (
            vec![],
            &[(1, Active), (2, Active)],
            Call::DeactivateAccessKey(key(1), Superseded),
            Effect::Unknown,
            Aftermath::Uncertain,
        ),
        // The rotation is done, and the next step was to deactivate the old key.
        (
            vec![created(2), delivered(2)],
            &[(1, Active), (2, Active)],
            Call::DeactivateAccessKey(key(1), Superseded),
            Effect::None,
            Aftermath::Unfinished,
        ),
        (
            vec![deleted(1, RemovalReason::WindowOver)],
            &[(2, Active)],
            Call::CreateAccessKey,
            Effect::None,
            Aftermath::Unfinished,
        ),
    ] {
        let report = report(&one, done, left, &failed(call.clone(), effect));
        let settings = settings(Delivery::SecretsManager, None);
        let all = notices(&report, &settings, &ConfirmedAddresses::default(), now());
        let Some(NoticeKind::Failed { aftermath, .. }) = all.last().map(|notice| &notice.kind) else {
            panic!("{call}")
        };
        assert_eq!(*aftermath, expected, "{call}");
    }
}

/// The mail as its recipient sees it, and the document.
fn page(notice: &Publication) -> String {
    let document = serde_json::to_string_pretty(&notice.document).unwrap();
    format!("Subject: {}\n\n{}\n{document}\n", notice.mail.subject, notice.mail.body)
}

fn origin(run: &RunId) -> NoticeOrigin<'_> {
    static NAME: LazyLock<AccountName> = LazyLock::new(|| "payments-prod".parse().unwrap());
    NoticeOrigin {
        account: "123456789012",
        account_name: &NAME,
        region: "eu-west-1",
        stack: "access-key-rotation",
        run,
        is_member: false,
    }
}

/// The mails are reviewed as people read them, in `notice/golden/`. `UPDATE_EXPECT=1` writes those files again.
fn golden(name: &str, mails: impl Fn(Language) -> Vec<Publication>) {
    for (ending, language) in LANGUAGES {
        let text = mails(language).iter().map(page).collect::<Vec<_>>().join("\n----\n\n");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/notice/golden/{name}.{ending}.txt"));
        expect_file![path].assert_eq(&text);
    }
}

fn mail(language: Language, kind: NoticeKind<'_>) -> Publication {
    let (user, run) = ("alice".parse().unwrap(), "d32c5kddcf5bb8c3".parse().unwrap());
    language.notice(&Notice { user: &user, kind, to: vec![] }, origin(&run), now())
}

/// The commands of the repository reach only the stack of the administering account.
#[test]
fn the_mails_of_a_member_name_a_command_for_its_account() {
    let (old, new, user, run) = (key(1), key(2), "alice".parse().unwrap(), "d32c5kddcf5bb8c3".parse().unwrap());
    golden("member-commands", |language| {
        let origin = NoticeOrigin { account: "111122223333", is_member: true, ..origin(&run) };
        let retired = NoticeKind::Retired { old: &old, new: Some(&new), deleted: DeleteAfter::NextRotation };
        [retired, NoticeKind::NeedsAttention(&NeedsAttention::OtherChannel)]
            .map(|kind| language.notice(&Notice { user: &user, kind, to: vec![] }, origin, now()))
            .into()
    });
}

#[test]
fn notices_are_the_reviewed_ones() {
    let (old, new, owner) = (key(1), key(2), email("alice@example.com"));
    let used = LastUse::Used { at: now().before(Span::minutes(95)), service: "s3".into(), region: "eu-west-1".into() };
    golden("still-in-use", |language| {
        let (required_idle_time, end) = (Some(now() + Span::days(7)), Some(now() + Span::days(30)));
        let kind = |last_use, required_idle_time, until| NoticeKind::StillInUse {
            old: &old,
            new: Some(&new),
            last_use,
            required_idle_time,
            until,
        };
        let unknown = &LastUse::Unknown;
        [
            kind(&used, required_idle_time, None),
            kind(&used, required_idle_time, end),
            kind(unknown, None, None),
            kind(unknown, None, end),
        ]
        .map(|kind| mail(language, kind))
        .into()
    });
    golden("retired", |language| {
        let kind = |deleted| NoticeKind::Retired { old: &old, new: Some(&new), deleted };
        [DeleteAfter::Window(Span::days(14)), DeleteAfter::NextRotation]
            .map(|deleted| mail(language, kind(deleted)))
            .into()
    });
    golden("deleted", |language| {
        let kind = |new, why| NoticeKind::Deleted { old: &old, new, why };
        [kind(Some(&new), RemovalReason::WindowOver), kind(None, RemovalReason::PlaceNeeded)]
            .map(|kind| mail(language, kind))
            .into()
    });
    golden("disused", |language| vec![mail(language, NoticeKind::Disused { key: &old })]);
    golden("revoked", |language| {
        [Some(&new), None].map(|new| mail(language, NoticeKind::Revoked { key: &old, new })).into()
    });
    golden("pair-in-use", |language| {
        vec![mail(language, NoticeKind::PairInUse { older: &old, newer: Some(&new), last_use: &used })]
    });
    golden("reactivated", |language| {
        let kind = |new, until| NoticeKind::Reactivated { old: &old, new, until };
        [kind(Some(&new), Some(now() + Span::days(53))), kind(None, None)].map(|kind| mail(language, kind)).into()
    });
    let (owners, administrators) = ([&owner], [email("security@example.com"), email("ops@example.com")]);
    golden("no-confirmed-recipient", |language| {
        [owners.to_vec(), administrators.iter().collect()]
            .map(|mailboxes| mail(language, NoticeKind::NoConfirmedRecipient { mailboxes }))
            .into()
    });
}

#[test]
fn mails_about_failures_are_the_reviewed_ones() {
    let new = key(2);
    let denied = failure(
        "AccessDenied",
        "User: arn:aws:sts::123456789012:assumed-role/FunctionRole/function is not authorized to perform: \
         iam:CreateAccessKey on resource: user alice with an explicit deny in a service control policy",
        Effect::None,
    );
    let gone = failure("NoSuchEntity", "The user with name alice cannot be found.", Effect::None);
    let lost = CallError::with_unknown_effect(ErrorCode::Timeout, "no answer in time");
    let gone_secret = CallError::without_effect(
        ErrorCode::SecretBeingDeleted,
        "the secret access-key-rotation/alice is scheduled for deletion; restore it: aws secretsmanager restore-secret --region \
         eu-west-1 --secret-id access-key-rotation/alice",
    );
    let disabled = failure("KMSDisabled", "the key is not enabled", Effect::None);
    let publish = Call::Publish(lambda::protocol::call::PlannedNotice::Secret(new.clone()));
    let retire = Call::DeactivateAccessKey(key(1), Superseded);
    golden("failed", |language| {
        [
            (&Call::ListAccessKeys, &gone, Aftermath::Untouched),
            (&Call::CreateAccessKey, &denied, Aftermath::Untouched),
            (&Call::CreateAccessKey, &lost, Aftermath::DeliveryUnknown(None)),
            (&publish, &lost, Aftermath::DeliveryUnknown(Some(&new))),
            (&publish, &denied, Aftermath::Withdrawn),
            (&publish, &disabled, Aftermath::Withdrawn),
            (&Call::CreateSecret, &gone_secret, Aftermath::Untouched),
            (&retire, &lost, Aftermath::Uncertain),
            (&retire, &denied, Aftermath::Unfinished),
        ]
        .map(|(call, failure, aftermath)| mail(language, NoticeKind::Failed { call, failure, aftermath }))
        .into()
    });
}

fn doubts() -> [NeedsAttention; 17] {
    let used = LastUse::Used { at: now(), service: "s3".into(), region: "eu-west-1".into() };
    [
        NeedsAttention::Journal(JournalParseError {
            tag: lambda::protocol::journal::DELIVERED.into(),
            value: "key=short".into(),
        }),
        NeedsAttention::Future(now() + Span::days(365)),
        NeedsAttention::UnclearOrigin,
        NeedsAttention::OrphanInUse(key(2), used),
        NeedsAttention::SameAge,
        NeedsAttention::ForeignKey { delivered: key(1), foreign: key(2) },
        NeedsAttention::LateDelivery { key: key(2), at: now(), until: now() + Span::days(7) },
        NeedsAttention::ManagedBy(Manager::new("other-stack", "eu-central-1", "").unwrap()),
        NeedsAttention::OtherChannel,
        NeedsAttention::Left,
        NeedsAttention::TooManyKeys(3),
        NeedsAttention::NoRoom(47),
        NeedsAttention::UserConfigError(UserOverrides::from_tags(&[(TAGS[1].into(), "monthly".into())]).unwrap_err()),
        NeedsAttention::UserConfigError(UserConfigError::Stranger("who@example.com".into())),
        NeedsAttention::UserConfigError(UserConfigError::TooShort {
            rotate_after: Span::days(10),
            life: Span::days(21),
        }),
        NeedsAttention::UserConfigError(UserConfigError::Path("/a*/".into())),
        NeedsAttention::UserConfigError(UserConfigError::Spelling("Alice".parse().unwrap())),
    ]
}

#[test]
fn mails_about_users_that_need_attention_are_the_reviewed_ones() {
    golden("needs-attention", |language| {
        doubts().iter().map(|doubt| mail(language, NoticeKind::NeedsAttention(doubt))).collect()
    });
}

fn every_change() -> Vec<KeyChange> {
    let removed = [Superseded, RemovalReason::Withdrawn, RemovalReason::Disuse, RemovalReason::Revoked];
    let removed = removed.map(|why| deactivated(1, why));
    let others = [KeyChange::Warned { key: key(1) }, KeyChange::Reactivated { key: key(1) }];
    let all = [created(2), delivered(2)].into_iter().chain(removed).chain(others);
    all.chain([deleted(1, RemovalReason::WindowOver)]).collect()
}

/// A run over users who ended in each of these ways. Those with an overdue key had every change.
fn digest(language: Language, rests: &[StopReason], unsent: usize) -> Publication {
    let users: Vec<_> = rests
        .iter()
        .enumerate()
        .map(|(n, rest)| {
            let user = format!("user-{n}").parse().unwrap();
            let is_late = matches!(rest, StopReason::Overlap(..) | StopReason::UnmadePairInUse(..));
            let done = if is_late { every_change() } else { vec![] };
            let report = UserReport::new(user, &RunAction::Routine, vec![], done, vec![], rest);
            let overdue = is_late.then(|| Overdue { key: key(1), since: now().before(Span::days(3)) });
            UserReport { overdue, ..report }
        })
        .collect();
    let summary = RunSummary { rotated: 1, unsent, unconfirmed: Some(unsent), ..RunSummary::of(&users) };
    let run: RunId = "d32c5kddcf5bb8c3".parse().unwrap();
    let digested = Digested { run: &run, started: now(), summary: &summary, users: &users, copied: &BTreeSet::new() };
    language.digest(&digested, origin(&run), now())
}

#[test]
fn digests_are_the_reviewed_ones() {
    let used = LastUse::Used { at: now(), service: "s3".into(), region: "eu-west-1".into() };
    let later = now() + Span::days(7);
    let rests = [
        StopReason::Healthy(later),
        StopReason::StillInUse(key(1), used),
        StopReason::StillInUse(key(1), LastUse::Unknown),
        StopReason::Busy("another-run".parse().unwrap(), later),
        StopReason::OutOfTime,
        StopReason::NoConfirmedRecipient(Unheard::Secret),
        StopReason::NoConfirmedRecipient(Unheard::Notices),
        StopReason::Recent(key(1), later),
        StopReason::NotVisible(key(1)),
        failed(Call::ListAccessKeys, Effect::None),
        StopReason::Withdrawn(Box::new((
            Call::PutSecretValue(key(2)),
            failure("Throttling", "Rate exceeded", Effect::None),
        ))),
        StopReason::NeedsAttention(NeedsAttention::SameAge),
        StopReason::Overlap(key(1), later),
        StopReason::UnmadePairInUse(key(1), LastUse::Never),
    ];
    golden("digest", |language| {
        vec![digest(language, &[StopReason::Healthy(later), StopReason::NoKeys], 0), digest(language, &rests, 2)]
    });
}

#[test]
fn a_digest_is_sent_when_the_settings_ask_for_it() {
    let healthy = || report(&[(1, Active)], vec![], &[(1, Active)], &StopReason::Healthy(now()));
    let changed =
        report(&[(1, Active)], vec![KeyChange::Warned { key: key(1) }], &[(1, Active)], &StopReason::Healthy(now()));
    let waiting = report(&[(1, Active)], vec![], &[(1, Active)], &StopReason::OutOfTime);
    let run: RunId = "run".parse().unwrap();
    for (case, users, unsent, worth_it) in [
        ("nothing to do", vec![healthy()], 0, false),
        ("no user", vec![], 0, false),
        ("a change", vec![healthy(), changed], 0, true),
        ("a waiting user", vec![waiting, healthy()], 0, true),
        ("a notice was lost", vec![healthy()], 1, true),
    ] {
        let summary = RunSummary { unsent, ..RunSummary::of(&users) };
        let digested =
            Digested { run: &run, started: now(), summary: &summary, users: &users, copied: &BTreeSet::new() };
        let wanted = [DigestFrequency::Always, DigestFrequency::Changes, DigestFrequency::Never]
            .map(|digest| digest.wants(&digested));
        assert_eq!(wanted, [true, worth_it, false], "{case}");
    }
    // Without digests, the administrators still get to know what only an owner was told.
    for (rest, copied, wanted) in [
        (failed(Call::ListAccessKeys, Effect::None), true, true),
        (failed(Call::ListAccessKeys, Effect::None), false, false),
        (StopReason::NeedsAttention(NeedsAttention::SameAge), true, true),
        (StopReason::Healthy(now()), true, false),
    ] {
        let users = vec![report(&[(1, Active)], vec![], &[(1, Active)], &rest)];
        let copied: BTreeSet<UserName> = copied.then(|| users[0].user.clone()).into_iter().collect();
        let digested =
            Digested { run: &run, started: now(), summary: &RunSummary::of(&users), users: &users, copied: &copied };
        assert_eq!(DigestFrequency::Never.wants(&digested), wanted, "{rest}");
    }
}

/// SNS accepts the mail, however many users there are ("Publish": Message). So does EventBridge accept it as the event of a
/// member ("PutEvents": 256 KB were the limit before it was raised to 1 MB).
#[test]
fn a_long_digest_is_cut_and_says_so() {
    let late = StopReason::Overlap(key(1), now());
    let rests = [vec![failed(Call::ListAccessKeys, Effect::None); 5_000], vec![late; 5_000]].concat();
    for (ending, language) in LANGUAGES {
        let notice = digest(language, &rests, 0);
        let size = notice.message().len();
        assert!(size > 200_000 && size < 240_000, "{ending}: {size}");
        let last = notice.mail.body.lines().last().unwrap();
        assert!(last.contains("…") && last.chars().any(|c| c.is_ascii_digit()), "{ending}: {last}");
        let digest = notice.document.digest.as_ref().unwrap();
        assert!(
            digest.entries.len() > 100 && digest.entries.len() + digest.left_off == 10_000,
            "{ending}: {}",
            digest.left_off
        );
        let envelope = Envelope { to: Audience::AddressesAndEndpoints(vec![email("a@b.co")]), about: None };
        let event = MemberEvent::Notice(notice.into_member_notice(&envelope).unwrap());
        assert!(event.detail().to_string().len() < 240_000, "{ending}");
    }
}

/// A text that could forge lines, move a cursor or change the writing direction.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("\nSubject: forged\n\nSecret access key:  x\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\u{1b}[2J\u{1b}]0;title\u{7}".to_owned()),
        Just("\u{2028}\u{2029}\u{85}\u{0}\u{b}\u{c}".to_owned()),
        Just("\u{202e}\u{2066}\u{200f}\u{feff}\u{200b}".to_owned()),
        Just("\",\"level\":\"INFO\"}\n{\"forged\":\"".to_owned()),
        Just("{key} {} %s ${x} <b>".to_owned()),
        "\\PC{0,20}",
        any::<String>(),
        Just("長".repeat(400)),
    ];
    prop::collection::vec(pieces, 0..5).prop_map(|pieces| pieces.concat())
}

fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Every mail that contains these external texts.
fn every_mail(language: Language, user: &UserName, texts: [&str; 3]) -> Vec<Publication> {
    let [one, two, three] = texts.map(str::to_owned);
    let last_use = LastUse::Used { at: now(), service: one.clone(), region: two.clone() };
    let failure = CallError { effect: Effect::Unknown, code: ErrorCode::Aws(one), message: two };
    let garbled =
        NeedsAttention::Journal(JournalParseError { tag: lambda::protocol::journal::UNDONE.into(), value: three });
    let orphan = NeedsAttention::OrphanInUse(key(1), last_use.clone());
    let (old, new) = (key(1), key(2));
    let aftermaths = [
        Aftermath::Untouched,
        Aftermath::Withdrawn,
        Aftermath::DeliveryUnknown(Some(&new)),
        Aftermath::DeliveryUnknown(None),
        Aftermath::Uncertain,
        Aftermath::Unfinished,
    ];
    let failed =
        aftermaths.map(|aftermath| NoticeKind::Failed { call: &Call::ListAccessKeys, failure: &failure, aftermath });
    let others = [
        NoticeKind::StillInUse { old: &old, new: None, last_use: &last_use, required_idle_time: None, until: None },
        NoticeKind::Retired { old: &old, new: None, deleted: DeleteAfter::NextRotation },
        NoticeKind::Deleted { old: &old, new: None, why: RemovalReason::WindowOver },
        NoticeKind::Reactivated { old: &old, new: None, until: None },
        NoticeKind::NeedsAttention(&garbled),
        NoticeKind::NeedsAttention(&orphan),
        NoticeKind::NoConfirmedRecipient { mailboxes: vec![] },
    ];
    let run = "run".parse().unwrap();
    let notice = |kind| language.notice(&Notice { user, kind, to: vec![] }, origin(&run), now());
    let mut mails: Vec<_> = failed.into_iter().chain(others).map(notice).collect();
    let rests = [
        StopReason::Failed(Box::new((Call::ListAccessKeys, failure.clone()))),
        StopReason::StillInUse(key(1), last_use),
        StopReason::NeedsAttention(garbled),
        StopReason::NeedsAttention(orphan),
    ];
    mails.push(digest(language, &rests, 1));
    mails
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// An external text stays where it is quoted: each mail has the same lines as with a harmless text.
    #[test]
    fn no_text_forges_a_line(
        name in prop_oneof!["[a-zA-Z0-9+=,.@_-]{1,64}", "[W=@,]{64}"],
        one in hostile(), two in hostile(), three in hostile(),
    ) {
        let user: UserName = name.parse().unwrap();
        for (_, language) in LANGUAGES {
            let harmless = every_mail(language, &user, ["§", "§", "§"]);
            for (notice, harmless) in every_mail(language, &user, [&one, &two, &three]).iter().zip(&harmless) {
                // Each text is one string of the document, which is one string of the message.
                let message: serde_json::Value = serde_json::from_str(&notice.message()).unwrap();
                let document: serde_json::Value = serde_json::from_str(message["default"].as_str().unwrap()).unwrap();
                prop_assert_eq!(&document, &serde_json::json!(notice.document));
                prop_assert_eq!(&message["email"], &serde_json::json!(notice.mail.body));
                let (mail, harmless) = (&notice.mail, &harmless.mail);
                prop_assert_eq!(&mail.subject, &harmless.subject);
                prop_assert!(mail.subject.chars().count() < 100, "{}", mail.subject);
                prop_assert!(mail.subject.chars().all(is_plain), "{:?}", mail.subject);
                prop_assert_eq!(mail.body.split('\n').count(), harmless.body.split('\n').count(), "{}", mail.body);
                prop_assert!(mail.body.chars().all(|c| c == '\n' || is_plain(c)), "{:?}", mail.body);
                // A line without an external text is the same, and a line with one begins the same.
                for (line, harmless) in mail.body.lines().zip(harmless.body.lines()) {
                    let (before, quotes) = harmless.split_once('§').map_or((harmless, false), |(before, _)| (before, true));
                    prop_assert!(if quotes { line.starts_with(before) } else { line == before }, "{} {}", line, harmless);
                }
            }
        }
    }

    /// The same for the report, from which the log is written: it is one line of JSON, in which the text is one string.
    #[test]
    fn no_text_forges_a_log_line(one in hostile(), two in hostile(), three in hostile()) {
        let last_use = LastUse::Used { at: now(), service: one.clone(), region: two.clone() };
        let failure = CallError { effect: Effect::None, code: ErrorCode::Aws(one), message: two };
        let garbled = JournalParseError { tag: lambda::protocol::journal::UNDONE.into(), value: three };
        let rests = [
            StopReason::Failed(Box::new((Call::ListAccessKeys, failure.clone()))),
            StopReason::Withdrawn(Box::new((Call::CreateSecret, failure.clone()))),
            StopReason::StillInUse(key(1), last_use.clone()),
            StopReason::NeedsAttention(NeedsAttention::Journal(garbled)),
            StopReason::NeedsAttention(NeedsAttention::OrphanInUse(key(1), last_use)),
        ];
        let users: Vec<_> = rests.iter().map(|rest| report(&[], vec![], &[], rest)).collect();
        let whys: Vec<_> = users.iter().map(|user| user.why.clone()).collect();
        let unsent = vec![Unsent { user: None, notice: "digest", why: failure.to_string() }];
        let (run, body) = ("run".parse().unwrap(), String::new());
        let summary = RunSummary::of(&users);
        let report = RunReport { status_code: 500, body, handler: HANDLER_VERSION, run, dry_run: false, started: now(), summary, users, not_due: NotDue::default(), unsent, all_users: true, unconfirmed: Vec::new() };
        let json = serde_json::to_string(&report).unwrap();
        prop_assert!(json.chars().all(is_plain), "{:?}", json);
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        for (user, why) in read["users"].as_array().unwrap().iter().zip(whys) {
            prop_assert_eq!(&user["why"], &serde_json::Value::from(why));
        }
    }
}

#[test]
fn a_secret_goes_to_the_owner_or_else_to_the_administrators() {
    let settings = crate::common::settings("alice;owner=alice@example.com bob", policy(Delivery::Email));
    for (user, secret, notice) in [
        ("alice", vec!["alice@example.com"], vec!["alice@example.com", "security@example.com"]),
        ("bob", vec!["security@example.com"], vec!["security@example.com"]),
    ] {
        let user: UserName = user.parse().unwrap();
        let texts = |emails: Vec<&lambda::model::email::Email>| emails.iter().map(|e| e.as_str().to_owned()).collect();
        let (readers, notified): (Vec<String>, Vec<String>) =
            (texts(settings.readers_of_secret(&user)), texts(settings.readers_of_notice(&user)));
        assert_eq!(
            (readers, notified),
            (secret.iter().map(|s| (*s).to_owned()).collect(), notice.iter().map(|s| (*s).to_owned()).collect()),
            "{user}"
        );
    }
}

/// With a delivery by mail, endpoints are told of a new key in a notice of their own, without the secret.
#[test]
fn endpoints_are_told_of_a_mailed_key_and_no_address_is_told_twice() {
    let report = report(
        &[(1, Active)],
        vec![created(2), delivered(2), deactivated(1, Superseded)],
        &[(1, Inactive), (2, Active)],
        &StopReason::Healthy(until()),
    );
    for (delivery, endpoints, expected) in [
        (Delivery::Email, 1, vec!["rotated: ".to_owned()]),
        (Delivery::EmailEncrypted, 1, vec!["rotated: ".to_owned()]),
        (Delivery::SecretsManager, 1, vec![]),
        (Delivery::Email, 0, vec![]),
    ] {
        let endpoint = || "https://hooks.example.com/keys".parse().unwrap();
        let endpoints = std::iter::repeat_with(endpoint).take(endpoints).collect();
        let settings = Settings { endpoints, ..settings(delivery, Some("o@b.co")) };
        assert_eq!(said(&report, &settings, &ConfirmedAddresses::default()), expected, "{delivery}");
    }
}

/// Invariant 11: an endpoint is a recipient of notices once it is confirmed, and never of a secret.
#[test]
fn a_confirmed_endpoint_is_a_recipient_of_notices() {
    let (queue, url) = ("arn:aws:sqs:eu-west-1:123456789012:Events", "https://hooks.example.com/Keys");
    let endpoints: Vec<_> = [queue, url].map(|endpoint| endpoint.parse().unwrap()).into();
    let settings = Settings { endpoints, ..settings(Delivery::Email, Some("o@b.co")) };
    let user = "alice".parse().unwrap();
    let all = vec!["security@example.com", "o@b.co", queue, url];
    let none: [(&str, &str); 0] = [];
    for (confirmed, reaches, unconfirmed) in [
        (&none[..], false, all.clone()),
        (&[("sqs", queue)], true, vec!["security@example.com", "o@b.co", url]),
        (&[("https", url), ("email", "O@b.co")], true, vec!["security@example.com", queue]),
        // Other endpoints of the topic do not count.
        (
            &[("https", "https://hooks.example.com/keys"), ("sqs", "arn:aws:sqs:eu-west-1:123456789012:events")],
            false,
            all.clone(),
        ),
        // With another protocol, an address gets the document without the secret.
        (&[("email-json", "o@b.co"), ("email-json", "security@example.com"), ("lambda", queue)], false, all),
    ] {
        let confirmed: ConfirmedAddresses = confirmed.iter().copied().collect();
        assert_eq!(settings.reaches_a_recipient(&user, &confirmed), reaches, "{confirmed:?}");
        assert_eq!(settings.unconfirmed(&confirmed), unconfirmed, "{confirmed:?}");
    }
}

/// A filter policy for endpoints matches every notice, and no publication with a secret.
#[test]
fn no_publication_with_a_secret_is_for_endpoints() {
    let readers = vec![email("O@b.co")];
    assert_eq!(Audience::Addresses(readers.clone()).words(), ["o@b.co"]);
    assert_eq!(Audience::AddressesAndEndpoints(readers).words(), ["o@b.co", ENDPOINTS]);
    assert!(ENDPOINTS.parse::<Email>().is_err(), "no address can be this word");
}
