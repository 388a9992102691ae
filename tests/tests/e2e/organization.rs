//! An organization: a stack in each account, and one account that mails for all of them. A stand-in for StackSets deploys the
//! members' template, and the real binary runs in each account under its own role.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use aws_sdk_sqs::types::QueueAttributeName;
use lambda::contract::member_event::EVENT_SOURCE;
use serde_json::{Value as Json, json};
use tests::{Account, Fault, LocalAws, Mail, Mailbox, Stack, account::OwnedKey, mailbox::queue_arn};

use crate::common::{ADMINISTRATOR, is_write};

const DAY: i64 = 86_400;
const UNIT: &str = "ou-abcd-11112222";
const MEMBERS: [&str; 2] = ["111122223333", "444455556666"];
/// An account outside the organization.
const STRANGER: &str = "999988887777";
const OWNER: &str = "owner@example.com";

/// The first account is changed before the second one. Only the second one has the user `/ops/only-there`.
const CONFIGURATION: &str = "
users: [{name: /ci/, owner: owner@example.com}, {name: /ops/only-there, account: '444455556666'}]
emails: [security@example.com]
organization: {id: o-abcdefghij, region: eu-west-1, units: [ou-abcd-11112222], first: '111122223333'}
";

/// An organization with two members and a deployed stack.
struct Organization {
    aws: LocalAws,
    stack: Stack,
    accounts: [Account; 2],
    /// The URL of the publisher's queue.
    queue: String,
    /// Every mail of the central topic.
    mailbox: Mailbox,
    /// Every document of the central topic.
    documents: Mailbox,
}

impl Organization {
    /// Creates these users in both accounts, each with an active key of this age in days, and a user with a new key in the
    /// second one. Then deploys the stack.
    async fn with_users(users: &[(&str, i64)]) -> Self {
        Self::deployed_ago(0, users).await
    }

    /// The same, with a stack that was deployed this number of days ago. The clock still shows that time.
    async fn deployed_ago(days: i64, users: &[(&str, i64)]) -> Self {
        let mut aws = LocalAws::start().await;
        aws.found_organization(UNIT, &MEMBERS);
        let accounts = [Account::with_number(&aws, MEMBERS[0]).await, Account::with_number(&aws, MEMBERS[1]).await];
        for (user, age) in users {
            aws.shift_clock(-age * DAY);
            for account in &accounts {
                account.create_user(&format!("/ci/{user}")).await;
                account.create_key(user).await;
            }
        }
        aws.shift_clock(-days * DAY);
        accounts[1].create_user("/ops/only-there").await;
        accounts[1].create_key("only-there").await;
        let documents = Mailbox::queue(&aws, "documents").await;
        let queue = queue_arn("documents");
        let stack = Stack::deploy_as_it_is(&aws, &format!("{CONFIGURATION}notify: ['{queue}']\n"));
        let mailbox = Mailbox::subscribe(&aws, &stack.outputs["TopicArn"]).await;
        let sqs = aws_sdk_sqs::Client::new(&aws.root().await);
        let queues = sqs.list_queues().send().await.expect("queues").queue_urls.unwrap_or_default();
        let queue = queues.into_iter().find(|url| url.contains("-NoticeQueue-")).expect("the queue of the publisher");
        Self { aws, stack, accounts, queue, mailbox, documents }
    }

    /// Runs the function of a member, and waits until the publisher has handled everything that it sent.
    async fn run(&self, account: &str) -> Json {
        let report = self.run_unheard(account);
        self.settle().await;
        report
    }

    /// Runs the function of a member.
    fn run_unheard(&self, account: &str) -> Json {
        self.stack.invoke_member(&self.aws, account, &json!({})).0
    }

    /// Waits until the publisher has handled every event that is in its queue.
    async fn settle(&self) {
        let sqs = aws_sdk_sqs::Client::new(&self.aws.root().await);
        let began = Instant::now();
        loop {
            let attributes = sqs.get_queue_attributes().queue_url(&self.queue).attribute_names(QueueAttributeName::All);
            let attributes = attributes.send().await.expect("attributes").attributes.unwrap_or_default();
            let number = |name| attributes.get(&name).map_or("", String::as_str);
            let waiting = QueueAttributeName::ApproximateNumberOfMessages;
            if [number(waiting), number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)] == ["0", "0"] {
                return;
            }
            assert!(began.elapsed() < Duration::from_mins(1), "{}", self.aws.emulator_log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The lines of the publisher's log about such events of an account.
    fn lines(&self, event: &str, account: &str) -> Vec<Json> {
        let log = self.stack.log(&self.aws).into_iter().filter_map(|line| serde_json::from_str::<Json>(&line).ok());
        log.filter(|line| line["event"] == event && line["account"] == account).collect()
    }

    /// The last line of the publisher's log about such an event of an account.
    fn line(&self, event: &str, account: &str) -> Json {
        let line = self.lines(event, account).pop();
        line.unwrap_or_else(|| panic!("no {event} of {account}: {:#?}", self.stack.log(&self.aws)))
    }

    /// Runs the AWS CLI with the role of a member's function, and with a command that may fail.
    fn as_function(&self, account: &str, arguments: &[&str]) -> Result<Json, String> {
        let name = self.stack.member_function();
        let function = self.aws.cli_in(account, &["lambda", "get-function-configuration", "--function-name", &name]);
        let role = function["Role"].as_str().expect("a role");
        self.aws.try_cli_with_role(account, role, arguments)
    }
}

/// What the mails of an account say in their subjects, without the account. No subject is there twice.
fn subjects(mails: &[Mail], account: &str) -> BTreeSet<String> {
    let prefix = format!("[{account}] ");
    let of_account: Vec<_> = mails.iter().filter_map(|mail| mail.subject.strip_prefix(&prefix)).collect();
    let subjects: BTreeSet<_> = of_account.iter().map(|subject| (*subject).to_owned()).collect();
    assert_eq!(subjects.len(), of_account.len(), "a mail was sent twice: {of_account:#?}");
    subjects
}

#[tokio::test(flavor = "multi_thread")]
async fn each_account_rotates_its_own_keys_and_one_topic_informs_of_all() {
    let organization = Organization::with_users(&[("due", 70), ("coming-up", 55), ("young", 1)]).await;
    let Organization { aws, accounts, mailbox, documents, .. } = &organization;
    let secret = "access-key-rotation/due";

    // Invariant 11: without a confirmed recipient of the central topic, no account changes anything.
    let recipients = [OWNER, ADMINISTRATOR, &queue_arn("documents")];
    for recipient in recipients {
        aws.proxy.leave_unconfirmed(recipient);
    }
    aws.proxy.forget();
    for account in MEMBERS {
        let report = organization.run(account).await;
        assert_eq!(report["summary"]["rotated"], 0, "{report:#}");
        let due = report["users"].as_array().unwrap().iter().find(|user| user["user"] == "due").unwrap();
        assert_eq!(due["result"], "waiting", "{report:#}");
        assert!(due["why"].as_str().unwrap().starts_with("no confirmed recipient of notices"), "{report:#}");
    }
    let harmless = ["PutEvents", "Publish", "GenerateCredentialReport"];
    let is_change = |operation: &str| is_write(operation) && !harmless.contains(&operation);
    let changes: Vec<_> = aws.proxy.calls().into_iter().filter(|call| is_change(&call.operation)).collect();
    assert_eq!(changes, []);
    // SNS would have delivered none of these.
    mailbox.take().await;
    documents.take().await;
    for recipient in recipients {
        aws.proxy.confirm(recipient);
    }

    // Each account has a key of its own for the same name, and each notice is mailed once, even if its event arrives twice.
    aws.deliver_events_twice();
    let (mut mails, mut messages) = (Vec::new(), Vec::new());
    for (number, account) in MEMBERS.iter().zip(accounts) {
        // The publisher keeps the order of the events, so nothing of an earlier run is on its way after this one.
        let report = organization.run(number).await;
        let summary = &report["summary"];
        assert_eq!(
            (&report["statusCode"], &summary["rotated"], &summary["unsent"]),
            (&json!(200), &json!(1), &json!(0))
        );
        let keys = account.keys("due").await;
        assert_eq!(keys.len(), 2, "{number}: {report:#}");
        let key = OwnedKey::from_secret(&account.secret(secret).await.expect("a secret")).expect("a key");
        assert_eq!(key.identity(aws).await, Ok(format!("arn:aws:iam::{number}:user/ci/due")));
        assert_eq!(key.id, keys[1].id);
        mails.extend(mailbox.take().await);
        messages.extend(documents.take().await);
    }
    assert_eq!(Account::of(aws).await.secret(secret).await, None, "no secret leaves its account");

    // The mails and the documents name the account that AWS stamped on the event.
    assert_eq!(mails.len(), 6, "{mails:#?}");
    for number in MEMBERS {
        let subjects = subjects(&mails, number);
        for about in [" due", " coming-up", "1 rotated, 0 to look at"] {
            assert_eq!(subjects.iter().filter(|subject| subject.ends_with(about)).count(), 1, "{subjects:#?}");
        }
        let own = messages.iter().filter(|message| message.body.contains(&format!("\"account\":\"{number}\"")));
        assert_eq!(own.count(), 3, "{messages:#?}");
    }

    // Invariant 9: no secret is in a mail, in a document, in the publisher's log or in the emulator's log.
    let log = organization.stack.log(aws).join("\n");
    let everything = [format!("{mails:?}{messages:?}"), log, aws.emulator_log(), format!("{:?}", aws.proxy.calls())];
    let secrets = aws.proxy.secrets();
    assert_eq!(secrets.len(), 2);
    assert!(everything.iter().all(|text| secrets.iter().all(|secret| !text.contains(secret))));

    // A member in which nothing happens causes no mail. The publisher logs each run for `synth status`.
    for number in MEMBERS {
        let report = organization.run(number).await;
        assert_eq!(report["statusCode"], 200, "{report:#}");
        let line = organization.line("member_run", number);
        assert_eq!((&line["run"], &line["summary"]), (&report["run"], &report["summary"]));
    }
    assert_eq!((mailbox.take().await, documents.take().await), (Vec::new(), Vec::new()));

    // The alarm of a member is mailed with its account.
    let alarms = aws.cli_in(MEMBERS[1], &["cloudwatch", "describe-alarms"])["MetricAlarms"].clone();
    let alarm = alarms[0]["AlarmName"].as_str().expect("an alarm");
    let state = ["--state-value", "ALARM", "--state-reason", "a test"];
    aws.cli_in(MEMBERS[1], &[&["cloudwatch", "set-alarm-state", "--alarm-name", alarm], &state[..]].concat());
    organization.settle().await;
    let mails = mailbox.take().await;
    let [mail] = mails.as_slice() else { panic!("{mails:#?}") };
    assert!(mail.subject.starts_with(&format!("[{}] ", MEMBERS[1])) && mail.body.contains(alarm), "{mail:#?}");
}

/// No test and no person starts these runs.
#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_of_each_account_starts_its_runs() {
    // The emulator lets a schedule wait one interval before it fires for the first time.
    let mut organization = Organization::deployed_ago(1, &[("due", 70)]).await;
    organization.aws.shift_clock(0);
    let Organization { aws, accounts, mailbox, .. } = &organization;
    let began = Instant::now();
    while MEMBERS.iter().any(|account| organization.lines("member_run", account).is_empty()) {
        assert!(began.elapsed() < Duration::from_mins(1), "{}", aws.emulator_log());
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    organization.settle().await;
    let mails = mailbox.take().await;
    for (number, account) in MEMBERS.iter().zip(accounts) {
        let runs = organization.lines("member_run", number);
        let [run] = runs.as_slice() else { panic!("{runs:#?}") };
        // The id is that of the schedule's execution. Lambda's ids are longer.
        assert_eq!((run["run"].as_str().map(str::len), &run["summary"]["rotated"]), (Some(16), &json!(1)), "{run:#}");
        let key = account.secret("access-key-rotation/due").await.as_ref().and_then(OwnedKey::from_secret);
        let identity = key.expect("a key").identity(aws).await;
        assert_eq!(identity, Ok(format!("arn:aws:iam::{number}:user/ci/due")));
        assert!(subjects(&mails, number).iter().any(|subject| subject.ends_with(" due")), "{mails:#?}");
    }
}

/// An event that could not be sent is a notice that was not told.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_bus_does_not_take_is_not_recorded_as_told() {
    let organization = Organization::with_users(&[("coming-up", 55), ("due", 70)]).await;
    let Organization { aws, accounts: [account, other], mailbox, .. } = &organization;
    let is_warned = async || account.journal("coming-up").await.iter().any(|(tag, _)| tag.ends_with(":warned"));
    let not_taken = json!({ "ErrorCode": "InternalFailure", "ErrorMessage": "a fault of the test" });
    let not_taken = json!({ "FailedEntryCount": 1, "Entries": [not_taken] }).to_string();
    for fault in [Fault::Refuse(400, "AccessDeniedException"), Fault::Answer(not_taken)] {
        aws.proxy.inject("PutEvents", "", fault.clone());
        let report = organization.run_unheard(MEMBERS[0]);
        assert_eq!(report["statusCode"], 500, "{fault:?}: {report:#}");
        assert!(report["summary"]["unsent"].as_u64() >= Some(1), "{fault:?}: {report:#}");
        assert!(!is_warned().await, "{fault:?}: {report:#}");
        aws.proxy.heal();
    }
    assert_eq!(mailbox.take().await, []);

    // The bus takes the event, but the answer is lost. The notice is mailed, and the next run sends it again.
    aws.proxy.inject("PutEvents", "", Fault::LoseAnswer);
    let report = organization.run(MEMBERS[0]).await;
    assert_eq!(report["statusCode"], 500, "{report:#}");
    assert!(!is_warned().await, "{report:#}");
    let is_mailed = async || mailbox.take().await.iter().any(|mail| mail.is_about("coming-up"));
    assert!(is_mailed().await, "{report:#}");
    aws.proxy.heal();
    let report = organization.run(MEMBERS[0]).await;
    assert_eq!(report["summary"]["unsent"], 0, "{report:#}");
    assert!(is_warned().await && is_mailed().await, "{report:#}");

    // An account that has left the organization can tell nothing, and cannot read who has confirmed. So it changes nothing.
    aws.found_organization(UNIT, &MEMBERS[..1]);
    let before = other.keys("due").await;
    let report = organization.run_unheard(MEMBERS[1]);
    assert_eq!(report["statusCode"], 500, "{report:#}");
    assert_eq!((other.keys("due").await, mailbox.take().await), (before, Vec::new()), "{report:#}");
}

/// What the function of one account tries, and what another account's administrator tries. The policy evaluator's tests say
/// the same of every role and policy of the templates: `synth/tests/suite/`.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_reaches_no_other_account_and_speaks_for_no_other_account() {
    let organization = Organization::with_users(&[("due", 70)]).await;
    let Organization { aws, stack, accounts: [_, other], queue, mailbox, documents } = &organization;
    let [own, foreign] = MEMBERS;
    let there = other.keys("only-there").await;
    other.create_secret("access-key-rotation/due", None, &format!("arn:aws:iam::{foreign}:user/ci/due")).await;
    let secret = aws.cli_in(foreign, &["secretsmanager", "describe-secret", "--secret-id", "access-key-rotation/due"]);
    let secret = secret["ARN"].as_str().expect("an ARN");
    let (topic, bus) = (&stack.outputs["TopicArn"], &stack.outputs["EventBusArn"]);
    let function = stack.member_function();
    let lambda = ["lambda", "get-function-configuration", "--function-name", &function];
    let role = aws.cli_in(foreign, &lambda)["Role"].clone();

    let entry = |source: &str, kind: &str, detail: &Json| {
        json!([{ "EventBusName": bus, "Source": source, "DetailType": kind, "Detail": detail.to_string() }]).to_string()
    };
    let (notice, other_source) = (entry(EVENT_SOURCE, "notice", &json!({})), entry("other", "notice", &json!({})));
    let other_kind = entry(EVENT_SOURCE, "other", &json!({}));
    let version = json!({ "Sid": "All", "Effect": "Allow", "Principal": "*", "Action": "events:*", "Resource": bus });
    let policy = json!({ "Version": "2012-10-17", "Statement": [version] }).to_string();
    for arguments in [
        &["secretsmanager", "get-secret-value", "--secret-id", secret][..],
        &["secretsmanager", "put-secret-value", "--secret-id", secret, "--secret-string", "{}"],
        &["iam", "list-access-keys", "--user-name", "only-there"],
        &["iam", "create-access-key", "--user-name", "only-there"],
        &["iam", "delete-access-key", "--user-name", "only-there", "--access-key-id", &there[0].id],
        &["sts", "assume-role", "--role-arn", role.as_str().expect("a role"), "--role-session-name", "test"],
        &["sns", "publish", "--topic-arn", topic, "--message", "forged"],
        &["events", "put-events", "--entries", &other_source],
        &["events", "put-events", "--entries", &other_kind],
        &["events", "put-permission", "--policy", &policy],
    ] {
        let refusal = organization.as_function(own, arguments).expect_err(&format!("{arguments:?} is refused"));
        let is_denied = ["AccessDenied", "AuthorizationError"].iter().any(|code| refusal.contains(code));
        assert!(is_denied, "{arguments:?}: {refusal}");
    }
    assert_eq!(other.keys("only-there").await, there);

    // Nor can the administrators of another account: not past the bus, and not from outside the organization.
    let endpoint = format!("http://127.0.0.1:{}", aws.port);
    let envelope = json!({ "account": foreign, "source": EVENT_SOURCE }).to_string();
    let send = ["sqs", "send-message", "--queue-url", queue, "--endpoint-url", &endpoint];
    let send = [&send[..], &["--message-group-id", "notices", "--message-body", &envelope]].concat();
    let publish = ["sns", "publish", "--topic-arn", topic, "--message", "forged"];
    let subscriptions = ["sns", "list-subscriptions-by-topic", "--topic-arn", topic];
    let event = ["events", "put-events", "--entries", &notice];
    for (account, arguments) in [
        (own, &send[..]),
        (own, &publish),
        (STRANGER, &send),
        (STRANGER, &publish),
        (STRANGER, &subscriptions),
        (STRANGER, &event),
    ] {
        let refusal = aws.try_cli_in(account, arguments).expect_err(&format!("{account} {arguments:?} is refused"));
        let is_denied = ["AccessDenied", "AuthorizationError"].iter().any(|code| refusal.contains(code));
        assert!(is_denied, "{account} {arguments:?}: {refusal}");
    }

    // A member may send events. AWS stamps its account on them, and the publisher believes only that.
    organization.run(own).await;
    mailbox.take().await;
    documents.take().await;
    let document = json!({ "version": 1, "event": "rotated", "account": foreign });
    let forged = json!({
        "version": 1, "to": ["security@example.com"], "subject": "call me", "body": "call me", "document": document,
    });
    let taken =
        organization.as_function(own, &["events", "put-events", "--entries", &entry(EVENT_SOURCE, "notice", &forged)]);
    assert_eq!(taken.expect("the bus takes it")["FailedEntryCount"], 0);
    organization.settle().await;
    assert_eq!(organization.line("member_event_refused", own)["problem"], "other-account");
    let mails = mailbox.take().await;
    let [mail] = mails.as_slice() else { panic!("{mails:#?}") };
    assert!(mail.subject.starts_with(&format!("[{own}] ")) && mail.body.contains(foreign), "{mail:#?}");
    assert!(!format!("{mail:?}").contains("call me"), "{mail:#?}");
    assert_eq!(documents.take().await, []);
}
