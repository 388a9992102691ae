//! What the publisher makes of a member's event: the mail, its account and its recipients.

use std::path::Path;

use expect_test::expect_file;
use lambda::{
    contract::{
        account_name::AccountName,
        language::Language,
        member_event::{EVENT_SOURCE, MemberEvent, MemberNotice, MemberRun},
        publisher_settings::PublisherSettings,
        run_summary::RunSummary,
    },
    model::{access_key::AccessKeyId, time::Timestamp, user::UserName},
    notice::{NoticeOrigin, RelayedEvent, RelayedMail, relay, relay_refused},
    protocol::{
        call::Warning,
        call_error::{CallError, ErrorCode},
    },
    selection::routing::{Audience, Envelope},
};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

pub(crate) const ACCOUNT: &str = "111122223333";

pub(crate) fn settings(language: Language) -> PublisherSettings {
    PublisherSettings {
        topic: "arn:aws:sns:eu-west-1:123456789012:keys".parse().unwrap(),
        administrators: vec!["Security@example.com".parse().unwrap()],
        language,
    }
}

/// An event as a rule passes it on.
pub(crate) fn passed_on(source: &str, detail_type: &str, detail: &Json) -> Json {
    json!({
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": "2026-11-24T03:16:40Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": detail,
    })
}

pub(crate) fn of_member(event: &MemberEvent) -> Json {
    passed_on(EVENT_SOURCE, event.detail_type(), &event.detail())
}

pub(crate) fn notice(to: &[&str]) -> MemberNotice {
    let document = json!({ "version": 1, "event": "rotated", "account": ACCOUNT, "user": "alice" });
    MemberNotice {
        to: to.iter().map(|&word| word.to_owned()).collect(),
        user: Some("alice".parse().unwrap()),
        subject: "AWS access key rotated: alice".into(),
        body: "What to do: give the new key to every workload that uses the old one.\n".into(),
        document: document.as_object().unwrap().clone(),
    }
}

fn run() -> MemberRun {
    MemberRun {
        run: "d32c5kddcf5bb8c3".parse().unwrap(),
        stack: "keys".into(),
        region: "eu-west-1".into(),
        handler: "0.2.0".into(),
        started: Timestamp::from_unix(1_795_490_200),
        summary: RunSummary { users: 50, overdue: 1, ..RunSummary::default() },
        next: None,
    }
}

fn alarm(state: &str) -> Json {
    let detail = json!({
        "alarmName": "keys-overdue-keys",
        "configuration": { "description": "At least one access key was overdue. Log group: /aws/lambda/keys" },
        "previousState": { "value": "OK" },
        "state": { "value": state, "reason": "Threshold Crossed: 1 datapoint [1.0] was greater than the threshold (0.0)." },
    });
    passed_on("aws.cloudwatch", "CloudWatch Alarm State Change", &detail)
}

/// The mail and the log of an event.
fn relayed(event: &Json) -> (Option<RelayedMail>, Json) {
    let relayed = relay(&event.to_string(), &settings(Language::English));
    (relayed.mail, relayed.log)
}

/// What the publisher writes before the text of a member's notice.
const SENDER: &str =
    "AWS account 111122223333 sent this notice. AWS itself wrote this number. All text below is from that account.\n\n";

fn with(mut event: Json, pointer: &str, value: Json) -> Json {
    *event.pointer_mut(pointer).unwrap() = value;
    event
}

#[test]
fn a_notice_is_mailed_as_it_is_under_the_account_that_sent_it() {
    let to = ["o@b.co", "endpoints", "unknown@example.com"];
    let (mail, log) = relayed(&of_member(&MemberEvent::Notice(notice(&to))));
    let mail = mail.unwrap();
    assert_eq!((mail.to.as_slice(), mail.user), (notice(&to).to.as_slice(), notice(&to).user));
    assert_eq!(mail.subject, "[111122223333] AWS access key rotated: alice");
    let message: Json = serde_json::from_str(&mail.document.unwrap()).unwrap();
    assert_eq!((message, mail.body), (Json::Object(notice(&to).document), format!("{SENDER}{}", notice(&to).body)));
    let expected = json!({
        "level": "INFO",
        "event": "member_notice",
        "account": ACCOUNT,
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "notice": "rotated",
        "user": "alice",
    });
    assert_eq!(log, expected);
}

/// People and programs get from the publisher what a stack of its own sends, byte for byte. The mail also names the account that
/// sent it: in its subject, and before its text.
#[test]
fn a_member_sends_what_a_stack_of_its_own_sends() {
    let (user, at): (UserName, _) = ("alice".parse().unwrap(), Timestamp::from_unix(1_795_490_200));
    let key: AccessKeyId = "AKIAEXAMPLE000000001".parse().unwrap();
    let origin = NoticeOrigin {
        account: ACCOUNT,
        account_name: &AccountName::None,
        region: "eu-west-1",
        stack: "keys",
        run: &"d32c5kddcf5bb8c3".parse().unwrap(),
        is_member: true,
    };
    let owner = || vec!["O@b.co".parse().unwrap()];
    for language in [Language::English, Language::Japanese] {
        let publication = || language.warning(&user, &Warning::Unused(key.clone(), at), origin, at);
        let envelope = Envelope { to: Audience::AddressesAndEndpoints(owner()), about: Some(user.clone()) };
        let event = MemberEvent::Notice(publication().into_member_notice(&envelope).unwrap());
        let mail = relay(&of_member(&event).to_string(), &settings(language)).mail.unwrap();
        let own: Json = serde_json::from_str(&publication().message()).unwrap();
        let message: Json = serde_json::from_str(&mail.message()).unwrap();
        assert_eq!(message["default"], own["default"]);
        let (sender, body) = message["email"].as_str().unwrap().split_once("\n\n").unwrap();
        assert!(sender.contains(ACCOUNT) && !sender.contains('\n'), "{sender}");
        assert_eq!(body, own["email"]);
        assert_eq!((mail.to, mail.user), (envelope.to.words(), envelope.about));
        assert_eq!(mail.subject, format!("[{ACCOUNT}] {}", publication().mail.subject));
        // A publication for addresses only can hold a secret. It never leaves the account.
        let envelope = Envelope { to: Audience::Addresses(owner()), about: Some(user.clone()) };
        assert_eq!(publication().into_member_notice(&envelope), None);
    }
}

#[test]
fn a_run_is_only_logged() {
    let (mail, log) = relayed(&of_member(&MemberEvent::Run(run())));
    assert_eq!(mail, None);
    assert_eq!(
        (&log["event"], &log["account"], &log["level"]),
        (&json!("member_run"), &json!(ACCOUNT), &json!("INFO"))
    );
    // What `synth status` reads.
    assert_eq!(serde_json::from_value::<MemberRun>(log).unwrap(), run());
}

/// Everything that a member can send besides, with the problem in the log.
#[test]
fn an_event_that_is_not_published_as_it_is_is_told_to_the_administrators_only() {
    let good = of_member(&MemberEvent::Notice(notice(&["o@b.co"])));
    let endless = Json::from("x".repeat(262_144));
    for (event, problem) in [
        (with(good.clone(), "/detail/document/account", json!("444455556666")), "other-account"),
        (with(good.clone(), "/detail/document/account", json!(111_122_223_333_u64)), "other-account"),
        (with(good.clone(), "/detail/document", json!({})), "other-account"),
        (with(good.clone(), "/account", json!("444455556666")), "other-account"),
        (with(good.clone(), "/detail/version", json!(2)), "later-version"),
        (with(good.clone(), "/detail-type", json!("reminder")), "later-version"),
        (with(good.clone(), "/detail/version", json!("1")), "invalid"),
        (with(good.clone(), "/detail/to", json!([])), "invalid"),
        (with(good.clone(), "/detail/user", json!("a b")), "invalid"),
        (with(good.clone(), "/detail/body", endless), "invalid"),
        (with(good.clone(), "/detail", json!([1])), "invalid"),
        (with(alarm("ALARM"), "/detail/alarmName", json!(null)), "invalid"),
    ] {
        let (mail, log) = relayed(&event);
        let mail = mail.unwrap();
        assert_eq!((&log["event"], &log["problem"]), (&json!("member_event_refused"), &json!(problem)), "{log}");
        assert_eq!((log["level"].as_str(), log["account"].as_str()), (Some("ERROR"), event["account"].as_str()));
        assert_eq!((mail.to.as_slice(), &mail.document), (&["security@example.com".to_owned()][..], &None));
        assert!(mail.subject.starts_with(&format!("[{}] ", event["account"].as_str().unwrap())), "{}", mail.subject);
        // What a forged notice says is not passed on. What could not be read may be a notice that an owner needs.
        let shows = mail.body.contains("give the new key to every workload");
        assert!(problem != "other-account" || !shows, "{}", mail.body);
        assert!(problem != "later-version" || shows, "{}", mail.body);
        assert!(mail.message().len() < 100_000, "SNS takes it");
    }
}

#[test]
fn an_alarm_is_mailed_when_it_goes_into_alarm() {
    for (state, is_mailed) in [("ALARM", true), ("OK", false), ("INSUFFICIENT_DATA", false)] {
        let (mail, log) = relayed(&alarm(state));
        assert_eq!((mail.is_some(), &log["state"]), (is_mailed, &json!(state)));
        assert!(mail.is_none_or(|mail| mail.to == ["security@example.com"] && mail.document.is_none()));
    }
}

/// A message that fails is offered again for hours, and holds up all others. So no message may fail because of what it says.
#[test]
fn a_message_that_is_no_event_of_a_member_goes_to_the_administrators_once() {
    let good = of_member(&MemberEvent::Notice(notice(&["o@b.co"])));
    for (message, reason) in [
        (String::new(), "not an event of EventBridge"),
        ("{}".into(), "not an event of EventBridge"),
        ("null".into(), "not an event of EventBridge"),
        (with(good.clone(), "/account", json!("1111")).to_string(), "not an event of EventBridge"),
        (with(good.clone(), "/account", json!(null)).to_string(), "not an event of EventBridge"),
        (with(good.clone(), "/source", json!("aws.s3")).to_string(), "source \"aws.s3\" with detail-type \"notice\""),
        (with(alarm("ALARM"), "/detail-type", json!("other")).to_string(), "source \"aws.cloudwatch\""),
    ] {
        let RelayedEvent { mail, log } = relay(&message, &settings(Language::English));
        let mail = mail.unwrap();
        assert_eq!((mail.to.as_slice(), &mail.document), (&["security@example.com".to_owned()][..], &None));
        assert!(mail.body.contains(reason), "{message}: {}", mail.body);
        // The sender of a message that is not an event is unknown.
        assert_eq!(mail.subject.starts_with('['), log["event"] == "member_event_refused", "{}", mail.subject);
        assert_eq!(log["level"], "ERROR", "{log}");
        // It may be a notice that an owner needs.
        assert_eq!(mail.body.contains("give the new key"), message.contains("give the new key"), "{}", mail.body);
    }
}

/// Only a message that SNS refuses each time is given up. After every other failure it is tried again.
#[test]
fn a_message_that_sns_refuses_each_time_goes_to_the_administrators_instead() {
    let message = of_member(&MemberEvent::Notice(notice(&["o@b.co"]))).to_string();
    let after = |message: &str, code: ErrorCode| {
        let failure = CallError::without_effect(code, "words of AWS");
        relay_refused(message, &failure, &settings(Language::English))
    };
    let aws = |code: &str| ErrorCode::Aws(code.to_owned());
    for code in
        ["InvalidParameter", "ParameterValueInvalid", "InvalidParameterValue", "ValidationException", "ValidationError"]
    {
        let RelayedEvent { mail, log } = after(&message, aws(code)).unwrap();
        let mail = mail.unwrap();
        assert_eq!((mail.to.as_slice(), &mail.document), (&["security@example.com".to_owned()][..], &None));
        assert!(mail.subject.starts_with("[111122223333] ") && mail.body.contains(ACCOUNT), "{}", mail.body);
        let says = format!("{code}: words of AWS");
        assert!(mail.body.contains(&says) && mail.body.contains("give the new key"), "{}", mail.body);
        assert_eq!((&log["event"], &log["problem"]), (&json!("member_event_refused"), &json!("refused-by-sns")));
        assert_eq!(after("no event", aws(code)), None, "its mail was the one to the administrators");
    }
    let of_aws = [
        // The topic and its key.
        "NotFound",
        "EndpointDisabled",
        "PlatformApplicationDisabled",
        "KMSAccessDenied",
        "KMSDisabled",
        "KMSInvalidState",
        "KMSNotFound",
        "KMSOptInRequired",
        "KMSThrottling",
        // Permissions and credentials.
        "AuthorizationError",
        "AccessDenied",
        "AccessDeniedException",
        "InvalidSecurity",
        "InvalidClientTokenId",
        "ExpiredToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "OptInRequired",
        // Too many requests, and failures of SNS.
        "Throttled",
        "Throttling",
        "ThrottlingException",
        "InternalError",
        "InternalFailure",
        "ServiceUnavailable",
        "a code that AWS adds later",
    ]
    .map(aws);
    let own = [
        ErrorCode::NotSent,
        ErrorCode::Timeout,
        ErrorCode::NoConnection,
        ErrorCode::UnreadableAnswer,
        ErrorCode::UnknownError,
        ErrorCode::NoTimeLeft,
    ];
    for code in of_aws.into_iter().chain(own) {
        assert_eq!(after(&message, code.clone()), None, "{code:?}");
    }
}

/// The publisher's own mails are reviewed as people read them. `UPDATE_EXPECT=1` writes the files again.
#[test]
fn the_publishers_own_mails_are_the_reviewed_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/notice/golden");
    let good = of_member(&MemberEvent::Notice(notice(&["o@b.co"])));
    for (kind, event) in [
        ("member-notice", good.clone()),
        ("member-alarm", alarm("ALARM")),
        ("member-notice-of-later-version", with(good.clone(), "/detail/version", json!(2))),
        ("member-notice-invalid", with(good.clone(), "/detail/to", json!([]))),
        ("member-notice-forged", with(good.clone(), "/detail/document/account", json!("444455556666"))),
        ("no-event", json!("not an event")),
    ] {
        for (name, language) in [("en", Language::English), ("ja", Language::Japanese)] {
            let mail = relay(&event.to_string(), &settings(language)).mail.unwrap();
            let page = format!("Subject: {}\n\n{}", mail.subject, mail.body);
            expect_file![folder.join(format!("{kind}.{name}.txt"))].assert_eq(&page);
        }
    }
    let code = ErrorCode::Aws("InvalidParameter".to_owned());
    let failure = CallError::without_effect(code, "Invalid parameter: Message too long");
    for (name, language) in [("en", Language::English), ("ja", Language::Japanese)] {
        let mail = relay_refused(&good.to_string(), &failure, &settings(language)).unwrap().mail.unwrap();
        let page = format!("Subject: {}\n\n{}", mail.subject, mail.body);
        expect_file![folder.join(format!("member-notice-refused-by-sns.{name}.txt"))].assert_eq(&page);
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
        Just(Json::from(ACCOUNT)),
    ];
    let key =
        prop_oneof![".{0,8}", Just("version".to_owned()), Just("account".to_owned()), Just("document".to_owned())];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((key.clone(), inner), 0..4).prop_map(|fields| Json::Object(Map::from_iter(fields))),
        ]
    })
}

proptest! {
    #[test]
    fn random_bytes_are_shown_to_the_administrators_only(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let message = String::from_utf8_lossy(&bytes);
        let mail = relay(&message, &settings(Language::English)).mail.unwrap();
        prop_assert_eq!((mail.to, mail.document), (vec!["security@example.com".to_owned()], None));
        prop_assert!(!mail.subject.starts_with('['), "{}", mail.subject);
        prop_assert!(!mail.body.chars().any(|c| c.is_control() && c != '\n'), "{:?}", mail.body);
    }

    /// Whatever a member sends, the mail is under its own account, in a form that SNS takes, and to the administrators if it
    /// is not a notice of this account.
    #[test]
    fn any_event_is_mailed_under_the_account_that_sent_it(
        field in prop::sample::select(vec!["/detail", "/detail/document", "/detail/document/account", "/detail/to", "/detail/user",
            "/detail/subject", "/detail/body", "/detail/version", "/detail-type", "/id", "/region"]),
        value in any_json(),
    ) {
        let event = with(of_member(&MemberEvent::Notice(notice(&["o@b.co"]))), field, value.clone());
        let Some(mail) = relay(&event.to_string(), &settings(Language::Japanese)).mail else { return Ok(()) };
        // A bus passes on an event only if its own fields are text.
        let is_event = value.is_string() || !["/id", "/region", "/detail-type"].contains(&field);
        if !is_event {
            prop_assert_eq!(mail.to, ["security@example.com"]);
            return Ok(());
        }
        prop_assert!(mail.subject.starts_with("[111122223333] "), "{}", mail.subject);
        prop_assert!(mail.subject.chars().count() < 100 && !mail.subject.chars().any(char::is_control), "{:?}", mail.subject);
        match mail.document {
            None => prop_assert_eq!(mail.to, ["security@example.com"]),
            Some(document) => {
                let document: Json = serde_json::from_str(&document).unwrap();
                prop_assert_eq!(&document["account"], ACCOUNT);
                // Nothing that the member wrote is before the account.
                prop_assert!(mail.body.starts_with("このお知らせは AWS アカウント 111122223333 から"), "{}", mail.body);
            }
        }
    }
}
