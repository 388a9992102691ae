//! Combines two templates with CloudFormation's change set: the impact and its source, the needed approval, and its
//! fingerprint.

use crate::common::golden;
use serde_json::Value as Json;
use synth::{
    cfn::read::read,
    diff::{
        DiffSource::{self, Aws, Templates},
        Impact::{self, Create, Deletes, MayReplace, Replaces, Update},
        approval::{Approval, ApprovalReason, Fingerprint},
        change_set::{ChangeCause, ChangeSet, Detail, Planned, Replacement, ResourceAction, merge},
        render::{DiffFormat, render},
    },
};

const TEMPLATE: &str = "
Parameters:
  CodeKey: {Type: String}
  Stage: {Type: String}
  Reader: {Type: String, Default: alice}
Conditions:
  IsProduction: !Equals [!Ref Stage, production]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub 'runs-${Stage}', DelaySeconds: 1}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: !Ref AWS::StackName
      Code: {S3Bucket: artifacts, S3Key: !Ref CodeKey}
      Environment: {Variables: {QUEUE: !Ref Queue}}
      DurableConfig: {ExecutionTimeout: 1}
  FailedRuns:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref Function, Qualifier: $LATEST}
  Schedule:
    Type: AWS::Scheduler::Schedule
    Properties: {ScheduleExpression: rate(1 day), Target: {Arn: !GetAtt Function.Arn, RoleArn: !GetAtt Role.Arn}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: Invoke
          PolicyDocument:
            Version: '2012-10-17'
            Statement: {Effect: Allow, Action: lambda:InvokeFunction, Resource: !GetAtt Function.Arn}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Condition: IsProduction
    Properties: {Threshold: 1}
  Archive:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
  ReaderRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: {Effect: Allow, Principal: {AWS: !Ref Reader}, Action: sts:AssumeRole}
";

/// The template in which one text is replaced by another.
fn with(old: &str, new: &str) -> Json {
    assert!(TEMPLATE.contains(old), "{old}");
    read(&TEMPLATE.replacen(old, new, 1)).unwrap_or_else(|e| panic!("{e}"))
}

fn planned(id: &str, action: &str, replacement: &str, details: &[(&str, &str, &str, &str)]) -> Planned {
    let kind = match id {
        "Function" => "AWS::Lambda::Function",
        "Role" | "ReaderRole" => "AWS::IAM::Role",
        "FailedRuns" => "AWS::Lambda::EventInvokeConfig",
        "Schedule" => "AWS::Scheduler::Schedule",
        _ => "AWS::SQS::Queue",
    };
    let details = details.iter().map(|(property, recreation, source, entity)| Detail {
        property: (*property).to_owned(),
        replaces: Replacement::of(Some(recreation)),
        cause: ChangeCause::of(source, Some(entity)),
    });
    let details = details.collect();
    Planned { id: id.to_owned(), kind: kind.to_owned(), action: ResourceAction::of(action, Some(replacement)), details }
}

/// CloudFormation's plan if only the code of the function changes. It says that every resource that refers to the
/// function may change too.
fn release(function: &str) -> Vec<Planned> {
    vec![
        planned(
            "Function",
            "Modify",
            function,
            &[("Code", "Never", "DirectModification", ""), ("Code", "Never", "ParameterReference", "CodeKey")],
        ),
        planned("FailedRuns", "Modify", "Conditional", &[("FunctionName", "Always", "ResourceReference", "Function")]),
        planned("Schedule", "Modify", "False", &[("Target", "Never", "ResourceAttribute", "Function.Arn")]),
        planned("Role", "Modify", "False", &[("Policies", "Never", "ResourceAttribute", "Function.Arn")]),
    ]
}

/// The case, the new template, and CloudFormation's plan. Then the expected results: the impacts with their sources,
/// the reasons for an approval, and those facts that the templates do not show.
type Row = (
    &'static str,
    Json,
    Vec<Planned>,
    Vec<(&'static str, Impact, DiffSource)>,
    Vec<ApprovalReason>,
    &'static [&'static str],
);

#[test]
fn templates_and_change_set_are_combined() {
    let same = || read(TEMPLATE).unwrap();
    let named = || with("QueueName: !Sub 'runs-${Stage}'", "QueueName: others");
    let durable = || with("ExecutionTimeout: 1", "ExecutionTimeout: 2");
    let stage = |replacement, recreation| {
        planned("Queue", "Modify", replacement, &[("QueueName", recreation, "ParameterReference", "Stage")])
    };
    let direct = |id, replacement, property| {
        planned(id, "Modify", replacement, &[(property, "Conditionally", "DirectModification", "")])
    };
    // The resources that refer to the function's ARN.
    let follow = || vec![("Schedule", Update, Templates), ("Role", Update, Templates)];
    let table: Vec<Row> = vec![
        ("nothing", same(), vec![], vec![], vec![], &[]),
        // A release of new code needs no approval, even though CloudFormation lists the resources that refer to the
        // function.
        ("new code", same(), release("False"), vec![("Function", Update, Aws)], vec![], &[]),
        (
            "new code in a function that is replaced",
            same(),
            release("True"),
            vec![
                ("Function", Replaces, Aws),
                ("FailedRuns", MayReplace, Aws),
                ("Schedule", Update, Aws),
                ("Role", Update, Aws),
            ],
            vec![ApprovalReason::NotKnown, ApprovalReason::Replaces],
            &[
                "FailedRuns may replace",
                "Function replaces",
                "Role.Policies: AWS changes it, and the templates do not show how",
                "Schedule.Target: AWS changes it, and the templates do not show how",
            ],
        ),
        // An attribute that is not a name may change even if its resource stays.
        (
            "who names what is no name",
            same(),
            vec![
                planned("Function", "Modify", "False", &[("Code", "Never", "ParameterReference", "CodeKey")]),
                planned(
                    "Schedule",
                    "Modify",
                    "Conditional",
                    &[("Name", "Always", "ResourceAttribute", "Function.Version")],
                ),
            ],
            vec![("Function", Update, Aws), ("Schedule", MayReplace, Aws)],
            vec![ApprovalReason::MayReplace],
            &["Schedule may replace"],
        ),
        // CloudFormation answers a question that the templates leave open. The fingerprint stays the same.
        (
            "it does replace",
            durable(),
            vec![direct("Function", "True", "DurableConfig")],
            [vec![("Function", Replaces, Aws), ("FailedRuns", MayReplace, Templates)], follow()].concat(),
            vec![ApprovalReason::NotKnown, ApprovalReason::Replaces],
            &[],
        ),
        (
            "it does not replace",
            durable(),
            vec![
                direct("Function", "False", "DurableConfig"),
                planned(
                    "FailedRuns",
                    "Modify",
                    "Conditional",
                    &[("FunctionName", "Always", "ResourceReference", "Function")],
                ),
            ],
            [vec![("Function", Update, Aws), ("FailedRuns", Update, Aws)], follow()].concat(),
            vec![ApprovalReason::NotKnown],
            &[],
        ),
        (
            "nobody knows",
            durable(),
            vec![direct("Function", "Conditional", "DurableConfig")],
            [vec![("Function", MayReplace, Templates), ("FailedRuns", MayReplace, Templates)], follow()].concat(),
            vec![ApprovalReason::NotKnown, ApprovalReason::MayReplace],
            &[],
        ),
        // A certain answer of the templates stays, whether CloudFormation contradicts it or does not mention it.
        (
            "a name, says AWS, stays",
            named(),
            vec![direct("Queue", "False", "QueueName")],
            vec![("Queue", Replaces, Templates), ("Function", Update, Templates)],
            vec![ApprovalReason::Replaces],
            &[],
        ),
        (
            "of a name AWS says nothing",
            named(),
            vec![],
            vec![("Queue", Replaces, Templates), ("Function", Update, Templates)],
            vec![ApprovalReason::Replaces],
            &[],
        ),
        // Facts that only CloudFormation knows.
        (
            "another stage, another queue",
            same(),
            vec![stage("True", "Always"), planned("Alarm", "Remove", "", &[])],
            vec![("Queue", Replaces, Aws), ("Alarm", Deletes, Aws)],
            vec![ApprovalReason::Replaces, ApprovalReason::Deletes],
            &["Alarm deletes", "Queue replaces"],
        ),
        (
            "another stage, the same queue",
            same(),
            vec![stage("False", "Always")],
            vec![("Queue", Update, Aws)],
            vec![],
            &[],
        ),
        (
            "a queue that is not the template's",
            same(),
            vec![direct("Queue", "True", "QueueName")],
            vec![("Queue", Replaces, Aws)],
            vec![ApprovalReason::Replaces],
            &["Queue replaces"],
        ),
        (
            "a queue that nobody knows",
            same(),
            vec![planned("Other", "Dynamic", "", &[])],
            vec![("Other", MayReplace, Aws)],
            vec![ApprovalReason::NotKnown, ApprovalReason::MayReplace],
            &["Other may replace", "Other: AWS changes it, and the templates do not show how"],
        ),
        (
            "a word that nobody knows",
            same(),
            vec![planned("Other", "Sing", "", &[])],
            vec![("Other", MayReplace, Aws)],
            vec![ApprovalReason::NotKnown, ApprovalReason::MayReplace],
            &["Other may replace", "Other: AWS changes it, and the templates do not show how"],
        ),
        (
            "a queue that is there",
            same(),
            vec![planned("Other", "Import", "", &[])],
            vec![("Other", Update, Aws)],
            vec![ApprovalReason::NotKnown],
            &["Other: AWS changes it, and the templates do not show how"],
        ),
        (
            "an alarm after all",
            same(),
            vec![planned("Alarm", "Add", "", &[])],
            vec![("Alarm", Create, Aws)],
            vec![],
            &[],
        ),
        // A removed resource: the templates show whether it stays in the account.
        (
            "a bucket that is kept",
            with("  Archive:\n    Type: AWS::S3::Bucket\n    DeletionPolicy: Retain\n", ""),
            vec![planned("Archive", "Remove", "", &[])],
            vec![("Archive", Update, Templates)],
            vec![],
            &[],
        ),
        (
            "a condition that is still fulfilled",
            with("Condition: IsProduction", "Condition: IsLarge"),
            vec![planned("Alarm", "Modify", "False", &[])],
            vec![("Alarm", Update, Aws)],
            vec![],
            &[],
        ),
        (
            "a condition that is not",
            with("Condition: IsProduction", "Condition: IsLarge"),
            vec![planned("Alarm", "Remove", "", &[])],
            vec![("Alarm", Deletes, Templates)],
            vec![ApprovalReason::Deletes],
            &[],
        ),
        // Tags never replace a resource, and CloudFormation lists them as an attribute of their own.
        (
            "tags of a queue",
            with("DelaySeconds: 1", "DelaySeconds: 1, Tags: [{Key: team, Value: payments}]"),
            vec![planned("Queue", "Modify", "False", &[("Tags", "Never", "DirectModification", "")])],
            vec![("Queue", Update, Templates)],
            vec![],
            &[],
        ),
        // Policies elsewhere may name the tags of a role.
        (
            "tags of a role",
            with(
                "    Properties:\n      Policies:",
                "    Properties:\n      Tags: [{Key: team, Value: payments}]\n      Policies:",
            ),
            vec![planned("Role", "Modify", "False", &[("Tags", "Never", "DirectModification", "")])],
            vec![("Role", Update, Templates)],
            vec![ApprovalReason::NotKnown],
            &[],
        ),
        // The parts of a policy, and the effect of a parameter on it.
        (
            "another reader",
            same(),
            vec![planned(
                "ReaderRole",
                "Modify",
                "False",
                &[("AssumeRolePolicyDocument", "Never", "ParameterReference", "Reader")],
            )],
            vec![("ReaderRole", Update, Aws)],
            vec![ApprovalReason::MayAllowMore],
            &["who may assume ReaderRole: unknown"],
        ),
        (
            "a role that is not the template's",
            same(),
            vec![direct("Role", "False", "Policies")],
            vec![("Role", Update, Aws)],
            vec![ApprovalReason::NotKnown],
            &["Role.Policies: AWS changes it, and the templates do not show how"],
        ),
        (
            "a reader who is another by default, and other code",
            with("Default: alice", "Default: bob"),
            release("False"),
            vec![("Function", Update, Aws), ("ReaderRole", Update, Templates)],
            vec![ApprovalReason::MayAllowMore],
            &[],
        ),
    ];
    for (what, new, changes, expected, reasons, beyond) in table {
        let old = same();
        let diff = merge(&old, &new, &ChangeSet { changes }, None);
        let seen: Vec<_> = diff.resources.iter().map(|r| (r.id.as_str(), r.impact, r.source)).collect();
        assert_eq!(seen, expected, "{what}: {diff:#?}");
        let approval = Approval::needed(&diff);
        assert_eq!(approval.map(|approval| approval.reasons).unwrap_or_default(), reasons, "{what}: {:#?}", diff.iam);
        let beyond: Vec<String> = beyond.iter().map(|line| (*line).to_owned()).collect();
        assert_eq!(diff.fingerprint, Fingerprint::of(&old, &new).and(&beyond), "{what}: {:#?}", diff.iam);
    }
}

#[test]
fn the_text_of_a_combined_diff() {
    let old = read(TEMPLATE).unwrap();
    let new = with("DelaySeconds: 1", "DelaySeconds: 2");
    let mut changes = release("False");
    changes.extend([
        planned(
            "Queue",
            "Modify",
            "True",
            &[
                ("DelaySeconds", "Never", "DirectModification", ""),
                ("QueueName", "Always", "ParameterReference", "Stage"),
                ("Tags", "Never", "DirectModification", ""),
            ],
        ),
        planned("Other", "Import", "", &[]),
    ]);
    let diff = merge(&old, &new, &ChangeSet { changes }, None);
    for (file, format) in [
        ("change_set.txt", DiffFormat::Text { colour: false }),
        ("change_set.md", DiffFormat::Markdown),
        ("change_set.json", DiffFormat::Json),
    ] {
        golden(&format!("synth/tests/golden/{file}"), &render(&diff, format));
    }
}
