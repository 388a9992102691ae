"""Makes a schedule invoke its target as EventBridge Scheduler does: with its role, and with an input in which the context
attributes are replaced. The emulator itself ignores both."""

from datetime import datetime, timezone

from ministack.core import iam_evaluator
from ministack.core.arn import parse_arn
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import eventbridge, iam

from organization import context

SERVICE = "scheduler.amazonaws.com"


def may_invoke(target):
    """Whether the schedule's role trusts the service, and lets it invoke the target."""
    role = parse_arn(target["RoleArn"])
    name = role.resource.rpartition("/")[2]
    principal = f"arn:aws:sts::{role.account_id}:assumed-role/{name}/scheduler"
    # EventBridge Scheduler User Guide, "Confused deputy prevention": the ARN is that of the group.
    group = f"arn:aws:scheduler:{get_region()}:{get_account_id()}:schedule-group/default"
    keys = {"aws:sourceaccount": get_account_id(), "aws:sourcearn": group}
    trust = iam._roles[name]["AssumeRolePolicyDocument"]
    assumes = context("sts:AssumeRole", target["RoleArn"], principal, **keys)
    invokes = context("lambda:InvokeFunction", target["Arn"], principal)
    said = [
        iam_evaluator.evaluate_resource_policy(trust, assumes, service=SERVICE),
        iam_evaluator.evaluate(invokes, iam_evaluator._gather_role_policies(name, role.account_id)),
    ]
    return all(one.decision == "Allow" for one in said)


def replaced(text, event):
    """The input with the values of the context attributes. An execution id has 16 characters."""
    at = datetime.fromtimestamp(event["Time"], timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    values = {"execution-id": new_uuid().replace("-", "")[:16], "scheduled-time": at, "attempt-number": "1"}
    for name, value in values.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def patch():
    emulators = eventbridge._invoke_target

    def invoke_target(target, event, rule, view=None):
        # The same function serves the targets of rules, which have no such window.
        if "FlexibleTimeWindow" in rule:
            if not may_invoke(target):
                eventbridge.logger.error("the role %s does not let a schedule invoke %s", target["RoleArn"], target["Arn"])
                return
            target = target | {"Input": replaced(target["Input"], event)}
        emulators(target, event, rule, view)

    eventbridge._invoke_target = invoke_target
