"""Adds what the emulator's event buses lack.

- The policy of a bus. It decides who may send events to it, also from another account. The emulator puts the number of the
  sender's account into an event, and takes it from no request.
- A rule with a bus of another account as its target.
- A queue as a target: its policy decides, and a FIFO queue with deduplication takes the same event only once.
- An event on the default bus for each change of an alarm's state.
"""

import contextvars
import hashlib
import json
import os
import time
from datetime import datetime, timezone
from pathlib import Path

from ministack.core import iam_evaluator
from ministack.core.arn import parse_arn
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, new_uuid, request_scope
from ministack.services import cloudwatch, eventbridge, sqs
from ministack.services.cloudformation import provisioners

from organization import context

# While this file exists, each event arrives twice, as in AWS: "at-least-once delivery".
TWICE = Path(os.environ["TMPDIR"], "events-arrive-twice")

# SQS Developer Guide: "Using the message deduplication ID".
DEDUPLICATION_SECONDS = 5 * 60

emulators_put_events = eventbridge._put_events
emulators_invoke_target = eventbridge._invoke_target
emulators_dispatch_to_queue = eventbridge._dispatch_to_sqs
emulators_dispatch_to_bus = eventbridge._dispatch_to_event_bus

# The rule and the target that an event is on its way to.
on_its_way = contextvars.ContextVar("on_its_way")


def decision(bus, action, principal, entry):
    """What the policy of a bus says about an event of a principal: Allow, Deny or ImplicitDeny."""
    with request_scope(bus.account_id, bus.region):
        policy = eventbridge._event_bus_policies.get(bus.resource.partition("/")[2])
    keys = {"events:source": entry.get("Source"), "events:detail-type": entry.get("DetailType")}
    return iam_evaluator.evaluate_resource_policy(policy, context(action, str(bus), principal, **keys)).decision


def put_events(data, allow_aws_source=False):
    """PutEvents. The emulator does the rest of it, and only for buses of the caller's account."""
    results = []
    for entry in data.get("Entries", []):
        name = entry.get("EventBusName", "default")
        arn = name if name.startswith("arn:") else f"arn:aws:events:{get_region()}:{get_account_id()}:event-bus/{name}"
        bus, principal = parse_arn(arn), iam_evaluator.caller_arn()
        said = decision(bus, "events:PutEvents", principal, entry)
        own = bus.account_id == get_account_id()
        if said == "Deny" or (said != "Allow" and not own):
            why = "with an explicit deny in" if said == "Deny" else "because no resource-based policy allows the events:PutEvents action in"
            message = f"User: {principal} is not authorized to perform: events:PutEvents on resource: {arn} {why} its policy"
            return error_response_json("AccessDeniedException", message, 400)
        if own:
            _, _, body = emulators_put_events({"Entries": [entry]}, allow_aws_source)
            results += json.loads(body)["Entries"]
        else:
            results.append(receive(bus, entry, get_account_id()))
    return json_response({"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results})


def receive(bus, entry, sender):
    """Puts an event of another account on a bus."""
    if entry.get("Source", "").startswith("aws."):
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    event = {
        "EventId": new_uuid(),
        "Source": entry.get("Source", ""),
        "DetailType": entry.get("DetailType", ""),
        "Detail": entry.get("Detail", "{}"),
        "EventBusName": bus.resource.partition("/")[2],
        "Time": int(time.time()),
        "Resources": entry.get("Resources", []),
        "Account": sender,
        "Region": get_region(),
    }
    with request_scope(bus.account_id, bus.region):
        eventbridge._dispatch_event(event)
    return {"EventId": event["EventId"]}


def invoke_target(target, event, rule, view=None):
    token = on_its_way.set((rule, target))
    try:
        emulators_invoke_target(target, event, rule, view)
    finally:
        on_its_way.reset(token)


def dispatch_to_queue(queue, payload, parameters=None):
    rule, _ = on_its_way.get()
    if not sqs.queue_policy_allows(str(queue), "events.amazonaws.com", rule["Arn"], get_account_id()):
        eventbridge.logger.error("the policy of %s does not let %s send to it", queue, rule["Arn"])
        return
    for _ in range(2 if TWICE.exists() else 1):
        if not known_before(sqs._queue_by_arn(str(queue)), payload):
            emulators_dispatch_to_queue(queue, payload, parameters)


def known_before(queue, payload):
    """Whether a queue with deduplication has got the same text before. From now on, it has."""
    if queue["attributes"].get("ContentBasedDeduplication") != "true":
        return False
    sqs._prune_dedup(queue)
    key = hashlib.sha256(payload.encode()).hexdigest()
    known = key in queue["dedup_cache"]
    queue["dedup_cache"].setdefault(key, {"expire": time.time() + DEDUPLICATION_SECONDS, "id": new_uuid()})
    return known


def dispatch_to_bus(bus, event, rule, path, payload=None):
    """Sends an event on to another bus. The event keeps the account and the Region of its origin."""
    if bus.account_id == get_account_id():
        return emulators_dispatch_to_bus(bus, event, rule, path, payload)
    _, target = on_its_way.get()
    role = parse_arn(target["RoleArn"])
    entry = {"Source": event["Source"], "DetailType": event["DetailType"]}
    name = role.resource.rpartition("/")[2]
    principal = f"arn:aws:sts::{role.account_id}:assumed-role/{name}/events"
    request = context("events:PutEvents", str(bus), principal)
    own = iam_evaluator.evaluate(request, iam_evaluator._gather_role_policies(name, role.account_id)).decision
    if own != "Allow" or decision(bus, "events:PutEvents", principal, entry) != "Allow":
        eventbridge.logger.error("%s may not send events to %s", principal, bus)
        return None
    forwarded = event | {"EventBusName": bus.resource.partition("/")[2]}
    if payload is not None:
        forwarded["Detail"] = payload
    with request_scope(bus.account_id, bus.region):
        eventbridge._dispatch_event(forwarded)
    return None


def alarm_changed(alarm, old_state, new_state, reason):
    """CloudWatch User Guide: "Alarm events and EventBridge"."""
    at = datetime.fromtimestamp(time.time(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    detail = {
        "alarmName": alarm["AlarmName"],
        "state": {"value": new_state, "reason": reason, "timestamp": at},
        "previousState": {"value": old_state},
        "configuration": {"description": alarm.get("AlarmDescription", "")},
    }
    event = {
        "Source": "aws.cloudwatch",
        "DetailType": "CloudWatch Alarm State Change",
        "Resources": [alarm["AlarmArn"]],
        "Detail": json.dumps(detail),
    }
    emulators_put_events({"Entries": [event]}, allow_aws_source=True)


def with_policies():
    """Gives CloudFormation the policy of a bus: in its own properties, or in a resource beside it."""
    handlers = provisioners._RESOURCE_HANDLERS

    def stored(bus):
        name = bus.rpartition("/")[2] if bus.startswith("arn:") else bus
        return eventbridge._event_bus_policies.setdefault(name, {"Version": "2012-10-17", "Statement": []})["Statement"]

    def put(physical_id, properties):
        statements = stored(properties.get("EventBusName", "default"))
        statements[:] = [statement for statement in statements if statement["Sid"] != properties["StatementId"]]
        statements.append({"Sid": properties["StatementId"], **properties["Statement"]})
        return physical_id, {}

    def remove(_, properties):
        statements = stored(properties.get("EventBusName", "default"))
        statements[:] = [statement for statement in statements if statement["Sid"] != properties["StatementId"]]

    handlers["AWS::Events::EventBusPolicy"] = {
        "create": lambda logical_id, properties, stack: put(f"{stack}-{logical_id}", properties),
        "update": lambda physical_id, old, new, *_: put(physical_id, new),
        "delete": remove,
    }

    def with_policy(make, position):
        def made(*arguments, **more):
            name, attributes = make(*arguments, **more)
            if "Policy" in arguments[position]:
                stored(name)[:] = arguments[position]["Policy"]["Statement"]
            return name, attributes

        return made

    bus = handlers["AWS::Events::EventBus"]
    handlers["AWS::Events::EventBus"] = bus | {"create": with_policy(bus["create"], 1), "update": with_policy(bus["update"], 2)}


def patch():
    with_policies()
    eventbridge._put_events = put_events
    eventbridge._invoke_target = invoke_target
    eventbridge._dispatch_to_sqs = dispatch_to_queue
    eventbridge._dispatch_to_event_bus = dispatch_to_bus

    emulators_actions = cloudwatch._dispatch_alarm_actions

    def act(alarm, old_state, new_state, reason):
        alarm_changed(alarm, old_state, new_state, reason)
        return emulators_actions(alarm, old_state, new_state, reason)

    cloudwatch._dispatch_alarm_actions = act
