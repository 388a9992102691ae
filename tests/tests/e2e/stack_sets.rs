//! The calls with which `synth` deploys to an organization, against an emulator that has StackSets. The proxy records them, and
//! `tests/conformance/` compares each with AWS's models. What the emulator lacks, such as a failure, the proxy answers.

use std::fmt::Write as _;

use lambda::model::time::Timestamp;
use synth::{
    config::Administrator,
    deploy::{
        administrator::TrustedAccess,
        aws::{
            Session,
            cloudformation::{CloudFormation, Stack},
            stack_sets::{MemberScope, StackSet, StackSetTargets},
        },
        deploy_error::DeployError,
        interrupt::Interrupt,
        member_operation::{AccountPhase, OperationPhase},
        member_stack::MemberState,
        member_watch::MemberWatch,
        message::{Message, MessageSink, PlainText, Renderer as _},
        organization_rollout::{self, OutdatedAccounts, check_access},
        stack_status::StackStatus,
        stacks::Stacks,
    },
    screen::Verbosity,
};
use tests::{Fault, StackSetServer};

const UNIT: &str = "ou-abcd-11112222";

/// An answer of CloudFormation.
fn answer(operation: &str, result: &str) -> Fault {
    Fault::Answer(format!(
        "<{operation}Response xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><{operation}Result>{result}\
         </{operation}Result><ResponseMetadata><RequestId>b9b4b068-3a41-11e5-94eb-example</RequestId></ResponseMetadata>\
         </{operation}Response>"
    ))
}

fn access(status: &str) -> Fault {
    answer("DescribeOrganizationsAccess", &format!("<Status>{status}</Status>"))
}

fn targets_answer() -> Fault {
    let set = format!(
        "<StackSet><StackSetName>keys</StackSetName><Status>ACTIVE</Status><OrganizationalUnitIds><member>{UNIT}</member>\
         </OrganizationalUnitIds><Regions><member>eu-west-1</member></Regions></StackSet>"
    );
    answer("DescribeStackSet", &set)
}

/// The stacks of accounts in these states: the status, the detailed status and the reason.
fn members_answer(members: &[(&str, &str, &str)]) -> Fault {
    let mut result = String::from("<Summaries>");
    for (number, (status, detailed, reason)) in members.iter().enumerate() {
        let _ = write!(
            result,
            "<member><StackSetId>keys:1</StackSetId><Region>eu-west-1</Region><Account>11112222333{number}</Account>\
             <Status>{status}</Status><StatusReason>{reason}</StatusReason><StackInstanceStatus><DetailedStatus>{detailed}\
             </DetailedStatus></StackInstanceStatus><OrganizationalUnitId>{UNIT}</OrganizationalUnitId></member>"
        );
    }
    answer("ListStackInstances", &(result + "</Summaries>"))
}

/// An operation in this state that was requested now.
fn operations_answer(status: &str) -> Fault {
    let now = Timestamp::now();
    let operation = format!(
        "<Summaries><member><OperationId>one</OperationId><Action>UPDATE</Action><Status>{status}</Status>\
         <CreationTimestamp>{now}</CreationTimestamp></member></Summaries>"
    );
    answer("ListStackSetOperations", &operation)
}

fn results_answer(results: &[(&str, &str)]) -> Fault {
    let mut result = String::from("<Summaries>");
    for (number, (status, reason)) in results.iter().enumerate() {
        let _ = write!(
            result,
            "<member><Account>11112222333{number}</Account><Region>eu-west-1</Region><Status>{status}</Status>\
             <StatusReason>{reason}</StatusReason></member>"
        );
    }
    answer("ListStackSetOperationResults", &(result + "</Summaries>"))
}

/// What a command shows.
#[derive(Debug, Default)]
struct Shown(String);

impl MessageSink for Shown {
    fn show(&mut self, message: &Message<'_>) {
        self.0 += &PlainText { colour: false, detail: Verbosity::Full }.render(message);
    }

    fn watch(&mut self, _now: Option<String>) {}
}

/// The emulator with an organization of two accounts, and a StackSet with a stack in each.
async fn organization() -> (StackSetServer, Session, StackSet) {
    let server = StackSetServer::start().await;
    server.cli(&["organizations", "create-organization", "--feature-set", "ALL"]);
    let root = server.cli(&["organizations", "list-roots"])["Roots"][0]["Id"].as_str().unwrap().to_owned();
    server.cli(&["organizations", "create-account", "--email", "a@example.com", "--account-name", "member"]);
    let template = r#"{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}"#;
    let set = ["cloudformation", "create-stack-set", "--stack-set-name", "keys", "--template-body", template];
    server.cli(&[&set[..], &["--permission-model", "SERVICE_MANAGED"]].concat());
    let units = format!("OrganizationalUnitIds={root}");
    let instances = ["cloudformation", "create-stack-instances", "--stack-set-name", "keys", "--regions", "eu-west-1"];
    server.cli(&[&instances[..], &["--deployment-targets", &units]].concat());
    let session = Session::of_config(server.through_proxy().await).await.unwrap();
    let set = StackSet::named(&session, "keys", Administrator::ManagementAccount);
    (server, session, set)
}

fn targets() -> StackSetTargets {
    StackSetTargets { units: vec![UNIT.into()], regions: vec!["eu-west-1".into()] }
}

/// The calls of an operation, which the proxy saw.
fn number_of(server: &StackSetServer, operation: &str) -> usize {
    server.proxy.calls().iter().filter(|call| call.operation == operation).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_about_a_stack_set_is_understood() {
    let (_server, session, set) = organization().await;

    let operations = set.operations().await.unwrap();
    let [created] = &operations[..] else { panic!("{operations:?}") };
    assert_eq!(created.phase, OperationPhase::Succeeded);
    // moto lists the results only for accounts that a call names.
    assert_eq!(set.results(&created.id).await.unwrap(), []);
    let members = set.members().await.unwrap();
    let states: Vec<_> = members.iter().map(|member| (member.region.as_str(), member.state)).collect();
    assert_eq!(states, [("eu-west-1", MemberState::Current); 2]);
    assert!(set.targets().await.unwrap().is_some());
    let missing = StackSet::named(&session, "no-such-set", Administrator::ManagementAccount);
    assert_eq!(missing.targets().await.unwrap(), None);

    let accounts = MemberScope::Accounts(members.iter().map(|member| member.account.clone()).collect());
    for scope in [MemberScope::All, accounts] {
        let updated = set.update(&targets(), &scope).await.unwrap();
        let operations = set.operations().await.unwrap();
        assert!(operations.iter().any(|one| one.id == updated), "{operations:?}");
    }
    let deleted = set.delete_members(&targets()).await.unwrap();
    let operations = set.operations().await.unwrap();
    assert!(operations.iter().any(|one| one.id == deleted), "{operations:?}");

    // A delegated administrator says so in each call.
    let delegated = StackSet::named(&session, "keys", Administrator::DelegatedAdministrator);
    assert_eq!(delegated.members().await.unwrap().len(), 2);
    assert_eq!(delegated.operations().await.unwrap().len(), 4);
    delegated.update(&targets(), &MemberScope::All).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_trusted_access_is_found_before_anything_is_changed() {
    let (server, session, _) = organization().await;
    for administrator in [Administrator::ManagementAccount, Administrator::DelegatedAdministrator] {
        server.proxy.inject("DescribeOrganizationsAccess", "", access("ENABLED"));
        assert_eq!(session.trusted_access(administrator).await.unwrap(), TrustedAccess::Granted);
        check_access(&session, administrator).await.unwrap();
        server.proxy.heal();
        for status in ["DISABLED", "DISABLED_PERMANENTLY"] {
            server.proxy.inject("DescribeOrganizationsAccess", "", access(status));
            let refused = check_access(&session, administrator).await.unwrap_err().to_string();
            assert!(refused.contains("aws cloudformation activate-organizations-access"), "{refused}");
            server.proxy.heal();
        }
        server.proxy.inject("DescribeOrganizationsAccess", "", Fault::Refuse(400, "ValidationError"));
        let refused = check_access(&session, administrator).await.unwrap_err().to_string();
        assert!(refused.contains(&session.account) && refused.contains("AWS says: a fault of the test"), "{refused}");
        server.proxy.heal();
        server.proxy.inject("DescribeOrganizationsAccess", "", Fault::Refuse(403, "AccessDenied"));
        let refused = check_access(&session, administrator).await.unwrap_err().to_string();
        assert!(refused.contains("synth deploy-policy"), "{refused}");
        server.proxy.heal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_followed_account_by_account() {
    let (server, session, _) = organization().await;
    // An operation can be older than the watch, and AWS's clock can be behind.
    for since in [Timestamp::now(), "2100-01-01T00:00:00Z".parse().unwrap()] {
        let set = StackSet::named(&session, "keys", Administrator::ManagementAccount);
        follow_to_the_end(&server, MemberWatch::of(set, since)).await;
    }
}

async fn follow_to_the_end(server: &StackSetServer, mut watch: MemberWatch) {
    let running = ["RUNNING", "PENDING", "PENDING"];
    for (status, results, says) in [
        ("RUNNING", running.map(|phase| (phase, "")), Some("0 of 3 accounts ended: 111122223330")),
        (
            "RUNNING",
            [("SUCCEEDED", ""), ("RUNNING", ""), ("RUNNING", "")],
            Some("1 of 3 accounts ended: 111122223331, 111122223332"),
        ),
        ("FAILED", [("SUCCEEDED", ""), ("FAILED", "no such role"), ("CANCELLED", "")], None),
    ] {
        server.proxy.inject("ListStackSetOperations", "", operations_answer(status));
        server.proxy.inject("ListStackSetOperationResults", "", results_answer(&results));
        watch.poll().await.unwrap();
        assert_eq!(watch.summary().as_deref(), says);
        server.proxy.heal();
    }
    let outcome = watch.last_outcome().unwrap();
    assert_eq!((outcome.phase, outcome.succeeded, outcome.not_begun), (OperationPhase::Failed, 1, 1));
    assert_eq!(outcome.failed[0].account, "111122223331");
    assert_eq!(AccountPhase::of("CANCELLED"), AccountPhase::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn running_again_updates_the_accounts_that_are_not_up_to_date() {
    let (server, session, _) = organization().await;
    let interrupt = Interrupt::listen();
    let mut shown = Shown::default();
    let mut stacks = Stacks::new(CloudFormation::new(&session), interrupt.clone(), &mut shown);
    let set = || StackSet::named(&session, "keys", Administrator::ManagementAccount);
    let mixed = [("CURRENT", "SUCCEEDED", ""), ("OUTDATED", "FAILED", "no such role"), ("OUTDATED", "CANCELLED", "")];
    server.proxy.inject("DescribeStackSet", "", targets_answer());

    // A deployment has just tried, so it only reports.
    server.proxy.inject("ListStackInstances", "", members_answer(&mixed));
    let failed = organization_rollout::update_outdated(vec![set()], OutdatedAccounts::Report, &interrupt, &mut stacks)
        .await
        .unwrap_err();
    assert!(matches!(failed, DeployError::OutdatedMembers(_)), "{failed}");
    let text = failed.to_string();
    assert!(text.starts_with("1 of 3 accounts up to date, 1 failed, 1 not begun"), "{text}");
    assert!(text.contains("no such role") && text.contains("run:\n    make deploy"), "{text}");
    assert_eq!(number_of(&server, "UpdateStackInstances"), 0);

    // The same command again continues, and all accounts are up to date at the end.
    server.proxy.heal();
    server.proxy.inject("DescribeStackSet", "", targets_answer());
    server.proxy.inject_times(1, "ListStackInstances", "", members_answer(&mixed));
    organization_rollout::update_outdated(vec![set()], OutdatedAccounts::Update, &interrupt, &mut stacks)
        .await
        .unwrap();
    assert_eq!(number_of(&server, "UpdateStackInstances"), 1);
    // Now there is nothing to do.
    organization_rollout::update_outdated(vec![set()], OutdatedAccounts::Update, &interrupt, &mut stacks)
        .await
        .unwrap();
    assert_eq!(number_of(&server, "UpdateStackInstances"), 1);
    drop(stacks);
    assert!(shown.0.contains("Updating 2 accounts that are not up to date"), "{}", shown.0);
    assert!(shown.0.ends_with("2 accounts up to date\n"), "{}", shown.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_cannot_be_deleted_in_a_member_stops_the_deletion() {
    let (server, session, _) = organization().await;
    let interrupt = Interrupt::listen();
    let mut shown = Shown::default();
    let mut stacks = Stacks::new(CloudFormation::new(&session), interrupt.clone(), &mut shown);
    let set = || StackSet::named(&session, "keys", Administrator::ManagementAccount);
    server.proxy.inject("DescribeStackSet", "", targets_answer());
    server.proxy.inject(
        "ListStackInstances",
        "",
        members_answer(&[("INOPERABLE", "INOPERABLE", "the stack is protected")]),
    );
    let failed =
        organization_rollout::delete_members(vec![set()], &interrupt, &mut stacks).await.unwrap_err().to_string();
    assert!(failed.starts_with("0 of 1 account without a stack, 1 failed\n"), "{failed}");
    assert!(failed.contains("the stack is protected") && failed.contains("run:\n    make destroy"), "{failed}");
    assert_eq!(number_of(&server, "DeleteStackInstances"), 1);

    server.proxy.heal();
    server.proxy.inject("DescribeStackSet", "", targets_answer());
    server.proxy.inject("ListStackInstances", "", members_answer(&[]));
    organization_rollout::delete_members(vec![set()], &interrupt, &mut stacks).await.unwrap();
    assert_eq!(number_of(&server, "DeleteStackInstances"), 1, "there is nothing to delete");
}

/// The stack set of a deployed stack is found by the stack's resources.
#[tokio::test(flavor = "multi_thread")]
async fn a_stack_without_a_stack_set_has_none() {
    let (server, session, _) = organization().await;
    let template = r#"{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}"#;
    server.cli(&["cloudformation", "create-stack", "--stack-name", "plain", "--template-body", template]);
    let stack: Stack = CloudFormation::new(&session).stack("plain").await.unwrap().unwrap();
    assert_eq!(stack.status, StackStatus::new("CREATE_COMPLETE"));
    let found = organization_rollout::stack_sets(&session, &stack, Administrator::ManagementAccount).await.unwrap();
    assert!(found.is_empty());
    let resources = CloudFormation::new(&session).resources(&stack.id).await.unwrap();
    assert!(!resources[0].physical_id.is_empty(), "{resources:?}");
}
