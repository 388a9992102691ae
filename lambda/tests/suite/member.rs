//! A member of an organization: whole runs over a simulated AWS, in which the central bus takes the events or refuses them.

use std::sync::Mutex;

use lambda::{
    contract::{
        event_bus_arn::EventBusArn,
        listed_user::ListedUser,
        member_event::{MemberEvent, MemberNotice},
        resource_tags::ResourceTags,
        settings::Settings,
        topic_arn::TopicArn,
    },
    handler::{
        aws_api::Aws,
        invocation::{self, Invocation},
        load_users::AccountLists,
    },
    model::{
        access_key::{
            AccessKeyId,
            KeyStatus::{self, Active, Inactive},
            SecretAccessKey,
        },
        kms_key::KmsKey,
        time::{Span, Timestamp},
        user::UserName,
    },
    notice::Publication,
    protocol::{
        call::{Answer, Call, RemovalReason},
        call_error::CallError,
        journal::JournalEntry,
        policy::Policy,
    },
    report::run_report::{Outcome, RunReport},
    selection::{
        credential_report::CredentialReport,
        routing::{ConfirmedAddresses, Envelope},
    },
};
use serde_json::{Value as Json, json};

use crate::{
    common::{careful, of_member, settings},
    world::{World, lost, refused},
};

/// What takes the notices of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Takes,
    /// It takes the notices, but its answer is lost.
    LosesAnswer,
    Refuses,
}

/// A member's account, and what it reaches of the central one.
struct Account {
    world: Mutex<World>,
    channel: Mutex<Channel>,
    confirmed: ConfirmedAddresses,
    /// The operations with an effect outside this process, in order.
    done: Mutex<Vec<&'static str>>,
    /// The events on the bus.
    bus: Mutex<Vec<MemberEvent>>,
    /// The policies of secrets.
    policies: Mutex<Vec<String>>,
}

impl Account {
    fn new(channel: Channel, age: Span) -> Self {
        let now = Timestamp::now();
        Self {
            world: Mutex::new(World::new(now).with_key(now.before(age), Active)),
            channel: Mutex::new(channel),
            confirmed: ConfirmedAddresses::from_iter([("email", "security@example.com")]),
            done: Mutex::default(),
            bus: Mutex::default(),
            policies: Mutex::default(),
        }
    }

    fn call(&self, call: &Call) -> Result<Answer, CallError> {
        if !matches!(call, Call::ListAccessKeys | Call::ListUserTags | Call::GetAccessKeyLastUsed(_)) {
            self.done.lock().unwrap().push(call.operation());
        }
        self.world.lock().unwrap().call(call)
    }

    fn send(&self, operation: &'static str) -> Result<Answer, CallError> {
        self.done.lock().unwrap().push(operation);
        match *self.channel.lock().unwrap() {
            Channel::Takes => Ok(Answer::Done),
            Channel::LosesAnswer => Err(lost()),
            Channel::Refuses => Err(refused("AccessDeniedException")),
        }
    }

    async fn run(&self, settings: &Settings, event: Json) -> RunReport {
        self.invoke(settings, event).await.unwrap()
    }

    async fn invoke(&self, settings: &Settings, event: Json) -> Result<RunReport, String> {
        let ends = Timestamp::now() + Span::minutes(10);
        let invocation =
            Invocation { request: "request", function: "keys", ends, log: |line| LOG.lock().unwrap().push(line) };
        invocation::run(self, settings, event, invocation).await.map_err(|error| error.to_string())
    }

    fn keys(&self) -> Vec<KeyStatus> {
        self.world.lock().unwrap().keys.iter().map(|key| key.status).collect()
    }

    /// The notices on the bus, and the number of events about runs.
    fn events(&self) -> (Vec<MemberNotice>, usize) {
        let (mut notices, mut runs) = (Vec::new(), 0);
        for event in self.bus.lock().unwrap().iter() {
            match event {
                MemberEvent::Notice(notice) => notices.push(notice.clone()),
                MemberEvent::Run(_) => runs += 1,
            }
        }
        (notices, runs)
    }
}

/// What all runs of this file have logged.
static LOG: Mutex<Vec<Json>> = Mutex::new(Vec::new());

impl Aws for Account {
    fn users_at_once(&self) -> usize {
        8
    }
    async fn list_access_keys(&self, _: &UserName) -> Result<Answer, CallError> {
        self.call(&Call::ListAccessKeys)
    }
    async fn list_user_tags(&self, _: &UserName) -> Result<Answer, CallError> {
        self.call(&Call::ListUserTags)
    }
    async fn last_used(&self, key: &AccessKeyId) -> Result<Answer, CallError> {
        self.call(&Call::GetAccessKeyLastUsed(key.clone()))
    }
    async fn tag_user(&self, _: &UserName, entries: &[JournalEntry]) -> Result<Answer, CallError> {
        self.call(&Call::TagUser(entries.to_vec()))
    }
    async fn untag_user(&self, _: &UserName, _: &[String]) -> Result<Answer, CallError> {
        panic!("the notes of an earlier run are not a part of these tests")
    }
    async fn create_access_key(&self, _: &UserName) -> Result<(Answer, SecretAccessKey), CallError> {
        Ok((self.call(&Call::CreateAccessKey)?, SecretAccessKey::new("a secret made for this test".into())))
    }
    async fn set_status(&self, _: &UserName, key: &AccessKeyId, status: KeyStatus) -> Result<Answer, CallError> {
        self.call(&match status {
            Active => Call::ActivateAccessKey(key.clone()),
            Inactive => Call::DeactivateAccessKey(key.clone(), RemovalReason::Superseded),
        })
    }
    async fn delete_access_key(&self, _: &UserName, key: &AccessKeyId) -> Result<Answer, CallError> {
        self.call(&Call::DeleteAccessKey(key.clone(), RemovalReason::WindowOver))
    }
    async fn verify(&self, _: &UserName, key: &AccessKeyId, _: &SecretAccessKey) -> Result<Answer, CallError> {
        self.call(&Call::GetCallerIdentity { key: key.clone(), pause: Span::ZERO })
    }
    async fn put_secret(
        &self,
        _: &str,
        _: &UserName,
        key: &AccessKeyId,
        _: &SecretAccessKey,
    ) -> Result<Answer, CallError> {
        self.call(&Call::PutSecretValue(key.clone()))
    }
    async fn create_secret(&self, _: &str, _: &UserName, _: &KmsKey, _: &ResourceTags) -> Result<Answer, CallError> {
        self.call(&Call::CreateSecret)
    }
    async fn describe_secret(&self, _: &str, key: &AccessKeyId) -> Result<Answer, CallError> {
        self.call(&Call::DescribeSecret(key.clone()))
    }
    async fn check_secret(&self, _: &str, _: &KmsKey) -> Result<Answer, CallError> {
        Ok(Answer::Done)
    }
    async fn put_resource_policy(&self, _: &str, policy: &str, _: &KmsKey) -> Result<Answer, CallError> {
        let answer = self.call(&Call::PutResourcePolicy)?;
        self.policies.lock().unwrap().push(policy.to_owned());
        Ok(answer)
    }
    async fn confirmed_addresses(&self, topic: &TopicArn) -> Result<ConfirmedAddresses, CallError> {
        assert_eq!(
            topic.as_str(),
            "arn:aws:sns:eu-west-1:123456789012:keys",
            "the central topic has the subscriptions"
        );
        Ok(self.confirmed.clone())
    }
    async fn publish(&self, _: &TopicArn, _: &Envelope, _: Publication) -> Result<Answer, CallError> {
        self.send("Publish")
    }
    async fn put_event(&self, bus: &EventBusArn, event: &MemberEvent) -> Result<Answer, CallError> {
        assert_eq!(bus.as_str(), "arn:aws:events:eu-west-1:123456789012:event-bus/keys");
        let sent = self.send(if matches!(event, MemberEvent::Run(_)) { "PutEvents(run)" } else { "PutEvents" });
        if *self.channel.lock().unwrap() != Channel::Refuses {
            self.bus.lock().unwrap().push(event.clone());
        }
        sent
    }
    async fn sleep(&self, _: Span) {}
}

impl AccountLists for Account {
    async fn credential_report(&self) -> Result<CredentialReport, CallError> {
        panic!("each user is named")
    }
    async fn account_users(&self) -> Result<Vec<ListedUser>, CallError> {
        panic!("each user is named")
    }
}

fn old() -> Span {
    Span::days(70)
}

fn young() -> Span {
    Span::days(1)
}

fn member() -> Settings {
    of_member(settings("alice;owner=o@b.co", careful()))
}

#[tokio::test]
async fn a_new_key_is_told_on_the_bus_before_it_is_committed() {
    let account = Account::new(Channel::Takes, old());
    let report = account.run(&member(), json!({})).await;
    assert_eq!((report.summary.rotated, report.status_code), (1, 200), "{report:?}");
    let done = account.done.lock().unwrap().clone();
    let (read_back, commit) = ("DescribeSecret", "TagUser");
    assert!(done.ends_with(&[read_back, "PutEvents", commit, "PutEvents", "PutEvents(run)"]), "{done:?}");
    let (notices, runs) = account.events();
    assert_eq!(runs, 1);
    // The owner has not confirmed, so the administrators get the notice too. The second notice is the digest.
    let events: Vec<_> =
        notices.iter().map(|notice| (notice.document["event"].as_str().unwrap(), &notice.to)).collect();
    let administrators = vec!["security@example.com".to_owned(), "endpoints".to_owned()];
    let all = [vec!["o@b.co".to_owned()], administrators.clone()].concat();
    assert_eq!(events, [("rotated", &all), ("digest", &administrators)]);
    assert_eq!(notices[0].user, Some("alice".parse().unwrap()));
    for notice in &notices {
        assert_eq!((notice.account(), notice.document["region"].as_str()), (Some("111122223333"), Some("eu-west-1")));
        assert!(notice.body.contains("111122223333") && !notice.body.contains("123456789012"), "{}", notice.body);
        assert!(!json!(notice).to_string().contains("a secret made for this test"));
    }
    let policies = account.policies.lock().unwrap().clone();
    assert!(policies[0].contains("arn:aws:iam::111122223333:user/alice"), "{policies:?}");
}

/// Invariant 11: what was not told is not noted as told. The keys are in the same state as if a topic had refused.
#[tokio::test]
async fn invariant_11_a_bus_that_refuses_is_like_a_topic_that_refuses() {
    for age in [old(), young()] {
        let (member, own) = (Account::new(Channel::Refuses, age), Account::new(Channel::Refuses, age));
        let of_member = member.run(&self::member(), json!({})).await;
        let of_own = own.run(&settings("alice;owner=o@b.co", careful()), json!({})).await;
        let world = |account: &Account| {
            let world = account.world.lock().unwrap().clone();
            let journal = world.journal.unwrap();
            (world.keys.len(), world.secret, journal.delivered, journal.intents.len())
        };
        assert_eq!(world(&member), world(&own));
        assert_eq!((of_member.summary, of_member.status_code), (of_own.summary, of_own.status_code));
        assert_eq!(member.keys(), if age == old() { vec![Active, Active] } else { vec![Active] });
        assert_eq!(of_member.users[0].result, if age == old() { Outcome::Failed } else { Outcome::Unchanged });
        let noted = member.world.lock().unwrap().journal.clone().unwrap();
        assert_eq!(noted.delivered, None, "nothing is noted as told");
    }
}

/// If the answer of the bus is lost, the notice is on the bus, but the run does not know it. The next run sends it again: the
/// recipients may get it twice, but they get it.
#[tokio::test]
async fn a_notice_is_sent_again_if_the_answer_of_the_bus_was_lost() {
    let announced = |account: &Account| {
        let events = account.events().0;
        events.iter().filter(|notice| notice.document["event"] == "coming-up").count()
    };
    let is_noted = |account: &Account| {
        let journal = account.world.lock().unwrap().journal.clone().unwrap();
        journal.warned.is_some()
    };
    let settings = of_member(settings("alice;owner=o@b.co", Policy { warn_before: Span::days(7), ..careful() }));
    let account = Account::new(Channel::LosesAnswer, Span::days(55));
    for (channel, sent, noted) in
        [(Channel::LosesAnswer, 1, false), (Channel::Takes, 2, true), (Channel::Takes, 2, true)]
    {
        *account.channel.lock().unwrap() = channel;
        let report = account.run(&settings, json!({})).await;
        assert_eq!((announced(&account), is_noted(&account)), (sent, noted), "{channel:?}: {report:?}");
    }
}

/// A failure to tell of the run is in the log. The run did its work, so it is no failure of the run.
#[tokio::test]
async fn a_run_that_cannot_be_told_is_logged() {
    let account = Account::new(Channel::Refuses, young());
    let report = account.run(&member(), json!({ "execution_id": "a-run-that-is-not-told" })).await;
    assert_eq!((report.status_code, report.summary.unsent), (200, 0));
    let log = LOG.lock().unwrap().clone();
    let is_about_it = |line: &&Json| {
        line["notice"] == "run" && line["run"].as_str().is_some_and(|run| run.starts_with("a-run-that-is-not-told"))
    };
    let line = log.iter().find(is_about_it).unwrap();
    assert_eq!((&line["level"], &line["error"]), (&json!("WARN"), &json!("AccessDeniedException: refused")), "{line}");
}

#[tokio::test]
async fn a_run_with_nothing_to_do_sends_one_event() {
    let account = Account::new(Channel::Takes, young());
    let report = account.run(&member(), json!({})).await;
    let bus = account.bus.lock().unwrap().clone();
    let [MemberEvent::Run(run)] = bus.as_slice() else { panic!("{bus:?}") };
    assert_eq!((&run.run, run.summary, run.started), (&report.run, report.summary, report.started));
    assert_eq!((run.stack.as_str(), run.region.as_str()), ("keys", "eu-west-1"));
    let due = account.world.lock().unwrap().keys[0].created + careful().rotate_after;
    assert_eq!(run.next, Some(due));
}

#[tokio::test]
async fn only_a_run_over_all_users_is_told() {
    let account = Account::new(Channel::Takes, young());
    account.run(&member(), json!({ "users": ["alice"], "action": "rotate" })).await;
    let (notices, runs) = account.events();
    assert_eq!((notices.is_empty(), runs), (false, 0));
}

#[tokio::test]
async fn a_dry_run_sends_nothing() {
    let account = Account::new(Channel::Takes, old());
    let report = account.run(&member(), json!({ "dry_run": true })).await;
    assert_eq!(report.summary.rotated, 1, "{report:?}");
    assert_eq!(*account.done.lock().unwrap(), [""; 0]);
}

/// Invariant 11: a member reads the subscriptions of the central topic, so `hold` holds there too.
#[tokio::test]
async fn invariant_11_a_member_waits_for_a_recipient() {
    let no_one = ConfirmedAddresses::default();
    let account = Account { confirmed: no_one, ..Account::new(Channel::Takes, old()) };
    let report = account.run(&member(), json!({})).await;
    assert_eq!((report.users[0].result, account.keys()), (Outcome::Waiting, vec![Active]), "{report:?}");
    assert_eq!(report.unconfirmed, ["security@example.com", "o@b.co"]);
}

#[tokio::test]
async fn a_user_of_another_account_is_not_touched_and_a_person_is_told_where_it_is() {
    let elsewhere = ["/ops/ci;account=444455556666;owner=o@b.co".parse().unwrap()].into();
    let settings = Settings { elsewhere, ..of_member(settings("alice", careful())) };
    let account = Account::new(Channel::Takes, young());
    let report = account.run(&settings, json!({})).await;
    let users: Vec<_> = report.users.iter().map(|user| user.user.as_str()).collect();
    assert_eq!((users, report.unconfirmed), (vec!["alice"], Vec::new()), "its owner does not matter here");
    for name in ["ci", "CI", "/ops/ci"] {
        let event = json!({ "users": [name], "action": "rotate" });
        let error = account.invoke(&settings, event).await.unwrap_err();
        assert!(error.contains(&format!("IAM user {name} is rotated in account 444455556666")), "{error}");
    }
    let error = account.invoke(&settings, json!({ "users": ["/dev/ci"] })).await.unwrap_err();
    assert!(error.contains("is not selected by this stack (users: alice)"), "{error}");
}
