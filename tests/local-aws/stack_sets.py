"""StackSets with service-managed permissions, which the emulator lacks: the resource of CloudFormation, and the operations
that read a StackSet, repeat it and delete its stacks.

A stack is created in each account that the targets select, with the scope of that account. AWS skips the management account,
and so does this module. The accounts are changed one by one, as with `MaxConcurrentCount: 1`, and too many failures cancel the
rest. An account that joins a unit gets its stack before the next call of the API about the StackSet.
"""

import asyncio
import json
import os
import threading
from pathlib import Path
from urllib.parse import urlparse
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, new_uuid, now_iso, request_scope
from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, helpers, provisioners, stacks

from organization import execution_role, organization

RESOURCE_TYPE = "AWS::CloudFormation::StackSet"

# A test writes the accounts here in which the role of StackSets is missing: a list in JSON.
WITHOUT_ROLE = Path(os.environ["TMPDIR"], "accounts-without-execution-role")

# The StackSets by the account that administers them and by name.
stack_sets = {}

# The organizations that have deactivated trusted access.
without_access = set()


def accounts_of(targets):
    """The accounts in the units that the targets name, each with its unit. The filter of the targets does not count."""
    known, found = organization(), {}
    for unit in targets["OrganizationalUnitIds"]:
        below = known["units"] if unit.startswith("r-") else {unit: known["units"].get(unit, [])}
        found |= {account: one for one, accounts in below.items() for account in accounts if account != known["management"]}
    return found


def selected_accounts(targets):
    """The accounts that targets select, each with its unit."""
    named, kind = targets.get("Accounts", []), targets.get("AccountFilterType", "NONE")
    keep = {"NONE": lambda _: True, "INTERSECTION": lambda a: a in named, "DIFFERENCE": lambda a: a not in named}[kind]
    return {account: unit for account, unit in accounts_of(targets).items() if keep(account)}


def targets_of(properties, select=selected_accounts):
    """Each account and Region in which the StackSet has a stack, with the account's unit."""
    groups = properties.get("StackInstancesGroup", [])
    return {
        (account, region): unit
        for group in groups
        for account, unit in select(group["DeploymentTargets"]).items()
        for region in group["Regions"]
    }


def template_of(properties):
    """The template, read with the permissions of the administering account."""
    url = urlparse(properties["TemplateURL"])
    bucket, is_host, _ = url.netloc.partition(".s3.")
    path = f"/{bucket}{url.path}" if is_host else url.path
    body, refused = helpers._resolve_template({"TemplateURL": [url._replace(path=path).geturl()]})
    if refused:
        raise ValueError(f"S3 error: Access Denied: {properties['TemplateURL']}")
    return body


def request(name, properties, template):
    """The parameters of CreateStack and UpdateStack."""
    parameters = {"StackName": name, "TemplateBody": template}
    for number, parameter in enumerate(properties.get("Parameters", []), 1):
        parameters |= {f"Parameters.member.{number}.{key}": value for key, value in parameter.items()}
    for number, capability in enumerate(properties.get("Capabilities", []), 1):
        parameters[f"Capabilities.member.{number}"] = capability
    for number, tag in enumerate(properties.get("Tags", []), 1):
        parameters |= {f"Tags.member.{number}.{key}": value for key, value in tag.items()}
    return {key: [str(value)] for key, value in parameters.items()}


def in_member(account, region, call, parameters):
    """Calls CloudFormation in another account as StackSets' role, and waits for the end of what it starts."""

    async def until_the_end():
        status, _, body = call(parameters)
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        return None if status == 200 else body.decode().partition("<Message>")[2].partition("</Message>")[0]

    if WITHOUT_ROLE.exists() and account in json.loads(WITHOUT_ROLE.read_text()):
        return f"Account {account} should have 'stacksets-exec-local' role with trust relationship to CloudFormation service."
    with request_scope(account, region):
        token = iam_evaluator._request_caller_arn.set(execution_role(account))
        try:
            return asyncio.run(until_the_end())
        finally:
            iam_evaluator._request_caller_arn.reset(token)


def failure(account, region, name):
    """Why a stack of a member is not complete. None if it is."""
    with request_scope(account, region):
        stack = cloudformation._stacks.get(name)
        if stack is None or stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"):
            return None
        for event in cloudformation._stack_events[stack["StackId"]]:
            if event["ResourceStatus"].endswith("_FAILED") and event["LogicalResourceId"] != name:
                return (
                    f"ResourceLogicalId:{event['LogicalResourceId']}, ResourceType:{event['ResourceType']}, "
                    f"ResourceStatusReason:{event['ResourceStatusReason']}."
                )
        return stack["StackStatusReason"] or stack["StackStatus"]


class StackSet:
    def __init__(self, name, properties):
        self.name, self.properties = name, properties
        self.id = f"{name}:{new_uuid()}"
        self.instances, self.operations = {}, []
        # The template, and the accounts of the units, as they were read last.
        self.template, self.seen = None, targets_of(properties, accounts_of)

    def read(self):
        self.template, self.seen = template_of(self.properties), targets_of(self.properties, accounts_of)

    def deploy(self, place):
        """Creates or updates the stack in one account and Region. Returns why it failed."""
        instance = self.instances[place]
        with request_scope(*place):
            call = handlers._update_stack if instance["name"] in cloudformation._stacks else handlers._create_stack
        refusal = in_member(*place, call, request(instance["name"], self.properties, self.template))
        if refusal == "No updates are to be performed.":
            return None
        return refusal or failure(*place, instance["name"])

    def remove(self, place):
        name = self.instances[place]["name"]
        refusal = in_member(*place, handlers._delete_stack, {"StackName": [name]})
        return refusal or failure(*place, name)

    def begin(self, action, places):
        """A new operation, which has not reached any account."""
        for place, unit in places.items():
            self.instances.setdefault(place, {"name": f"StackSet-{self.name}-{new_uuid()}", "unit": unit})
            self.instances[place] |= {"status": "OUTDATED", "detailed": "PENDING", "reason": ""}
        results = {place: {"status": "PENDING", "reason": ""} for place in places}
        operation = {"id": new_uuid(), "action": action, "status": "RUNNING", "created": now_iso(), "results": results}
        self.operations.insert(0, operation)
        return operation

    def run(self, operation, work):
        """Does the work in one account after the other, until more fail than the preferences tolerate."""
        preferences = self.properties.get("OperationPreferences", {})
        percentage = int(preferences.get("FailureTolerancePercentage", 0))
        tolerated = int(preferences.get("FailureToleranceCount", len(operation["results"]) * percentage // 100))
        for place, result in operation["results"].items():
            if sum(each["status"] == "FAILED" for each in operation["results"].values()) > tolerated:
                result |= {"status": "CANCELLED", "reason": "Cancelled since failure tolerance has exceeded"}
                self.instances[place]["detailed"] = "CANCELLED"
                continue
            result["status"] = self.instances[place]["detailed"] = "RUNNING"
            try:
                reason = work(place)
            except Exception as error:  # An operation ends, whatever happens in one account.
                reason = str(error)
            status = "FAILED" if reason else "SUCCEEDED"
            result |= {"status": status, "reason": reason or ""}
            current = "OUTDATED" if reason else "CURRENT"
            self.instances[place] |= {"status": current, "detailed": status, "reason": reason or ""}
        failed = sum(each["status"] == "FAILED" for each in operation["results"].values())
        operation |= {"status": "FAILED" if failed > tolerated else "SUCCEEDED", "ended": now_iso()}

    def bring(self, action, places):
        """Brings the template to accounts, as a resource of CloudFormation does: it fails if the operation does."""
        self.read()
        operation = self.begin(action, places)
        self.run(operation, self.deploy)
        self.expect(operation)

    def clear(self, places):
        operation = self.begin("DELETE", places)
        self.run(operation, self.remove)
        for place, result in operation["results"].items():
            if result["status"] == "SUCCEEDED":
                del self.instances[place]
        self.expect(operation)

    def deploy_to_joined_accounts(self):
        """Begins to create a stack in each account that joined a unit, even if the filter of the targets excludes it."""
        automatic = str(self.properties.get("AutoDeployment", {}).get("Enabled", False)).lower() == "true"
        joined = {place: unit for place, unit in targets_of(self.properties, accounts_of).items() if place not in self.seen}
        if automatic and joined and all(operation["status"] != "RUNNING" for operation in self.operations):
            self.read()
            in_background(self, joined, self.deploy, "CREATE")

    def expect(self, operation):
        if operation["status"] == "FAILED":
            reasons = [f"{account}: {result['reason']}" for (account, _), result in operation["results"].items() if result["reason"]]
            raise ValueError(
                f"Stack set operation [{operation['id']}] was unexpectedly stopped or failed. status reason(s): {reasons}"
            )


def may_administer(call_as):
    """Whether the account administers StackSets as a request says."""
    known = organization()
    return get_account_id() in (known["delegated"] if call_as == "DELEGATED_ADMIN" else [known["management"]])


NO_ADMINISTRATOR = (
    "You must be the management account or delegated admin account of an organization before operating a SERVICE_MANAGED stack set"
)
NO_ACCESS = "You must enable organizations access to operate a service managed stack set"


def refusal(call_as, needs_access=True):
    """Why the account may not do what a request asks for. None if it may."""
    if not may_administer(call_as):
        return NO_ADMINISTRATOR
    return NO_ACCESS if needs_access and organization()["id"] in without_access else None


def create(logical_id, properties, stack_name):
    if why := refusal(properties.get("CallAs")):
        raise ValueError(why)
    name = properties["StackSetName"]
    stack_set = stack_sets[get_account_id(), name] = StackSet(name, properties)
    stack_set.bring("CREATE", targets_of(properties))
    return stack_set.id, {"StackSetId": stack_set.id}


def update(physical_id, old, new, stack_name):
    stack_set = stack_sets[get_account_id(), physical_id.partition(":")[0]]
    stack_set.properties, wanted = new, targets_of(new)
    stack_set.bring("UPDATE", wanted)
    left = {place: instance["unit"] for place, instance in stack_set.instances.items() if place not in wanted}
    if left:
        stack_set.clear(left)
    return physical_id, {"StackSetId": stack_set.id}


def delete(physical_id, properties):
    stack_set = stack_sets.get((get_account_id(), physical_id.partition(":")[0]))
    if stack_set:
        stack_set.clear({place: instance["unit"] for place, instance in stack_set.instances.items()})
        del stack_sets[get_account_id(), stack_set.name]


def answered(action, needs_access=True):
    """An operation of the API: the function returns the elements of the result."""

    def decorate(function):
        def answer(parameters):
            if why := refusal(helpers._p(parameters, "CallAs"), needs_access):
                return helpers._error("ValidationError", why)
            name = helpers._p(parameters, "StackSetName").partition(":")[0]
            stack_set = stack_sets.get((get_account_id(), name))
            if name and not stack_set:
                return helpers._error("StackSetNotFoundException", f"StackSet {name} not found", 404)
            if stack_set:
                stack_set.deploy_to_joined_accounts()
            result = function(stack_set, parameters)
            return helpers._xml(200, f"{action}Response", f"<{action}Result>{xml(result)}</{action}Result>")

        handlers._ACTION_HANDLERS[action] = answer
        return function

    return decorate


def xml(value):
    if isinstance(value, dict):
        return "".join(f"<{key}>{xml(inner)}</{key}>" for key, inner in value.items() if inner is not None)
    if isinstance(value, list):
        return "".join(f"<member>{xml(inner)}</member>" for inner in value)
    return escape(str(value))


@answered("DescribeOrganizationsAccess", needs_access=False)
def describe_organizations_access(_, parameters):
    return {"Status": "DISABLED" if organization()["id"] in without_access else "ENABLED"}


@answered("ActivateOrganizationsAccess", needs_access=False)
def activate_organizations_access(_, parameters):
    without_access.discard(organization()["id"])
    return {}


@answered("DeactivateOrganizationsAccess", needs_access=False)
def deactivate_organizations_access(_, parameters):
    without_access.add(organization()["id"])
    return {}


@answered("DescribeStackSet")
def describe_stack_set(stack_set, parameters):
    groups = stack_set.properties.get("StackInstancesGroup", [])
    units = sorted({unit for group in groups for unit in group["DeploymentTargets"]["OrganizationalUnitIds"]})
    description = {
        "StackSetName": stack_set.name,
        "StackSetId": stack_set.id,
        "Status": "ACTIVE",
        "TemplateBody": stack_set.template,
        "PermissionModel": "SERVICE_MANAGED",
        "OrganizationalUnitIds": units,
        "Regions": sorted({region for group in groups for region in group["Regions"]}),
    }
    return {"StackSet": description}


@answered("ListStackSetOperations")
def list_operations(stack_set, parameters):
    return {
        "Summaries": [
            {
                "OperationId": operation["id"],
                "Action": operation["action"],
                "Status": operation["status"],
                "CreationTimestamp": operation["created"],
                "EndTimestamp": operation.get("ended"),
            }
            for operation in stack_set.operations
        ]
    }


@answered("ListStackSetOperationResults")
def list_results(stack_set, parameters):
    asked = helpers._p(parameters, "OperationId")
    operation = next(operation for operation in stack_set.operations if operation["id"] == asked)
    return {
        "Summaries": [
            {
                "Account": account,
                "Region": region,
                "Status": result["status"],
                "StatusReason": result["reason"],
                "OrganizationalUnitId": stack_set.instances.get((account, region), {}).get("unit"),
            }
            for (account, region), result in operation["results"].items()
        ]
    }


@answered("ListStackInstances")
def list_instances(stack_set, parameters):
    return {
        "Summaries": [
            {
                "StackSetId": stack_set.id,
                "Region": region,
                "Account": account,
                "Status": instance["status"],
                "StatusReason": instance["reason"],
                "StackInstanceStatus": {"DetailedStatus": instance["detailed"]},
                "OrganizationalUnitId": instance["unit"],
            }
            for (account, region), instance in list(stack_set.instances.items())
        ]
    }


def in_background(stack_set, places, work, action, at_the_end=lambda: None):
    """Starts an operation of the API over these accounts, and returns its id at once."""
    operation, account, region = stack_set.begin(action, places), get_account_id(), get_region()

    def run():
        with request_scope(account, region):
            stack_set.run(operation, work)
            at_the_end()

    threading.Thread(target=run, daemon=True).start()
    return {"OperationId": operation["id"]}


def named_instances(stack_set, parameters):
    """The stacks in the accounts that a call names. All of them if it names none."""
    prefix = "DeploymentTargets.Accounts.member."
    accounts = [helpers._p(parameters, name) for name in parameters if name.startswith(prefix)]
    return {place: one["unit"] for place, one in stack_set.instances.items() if not accounts or place[0] in accounts}


@answered("UpdateStackInstances")
def update_instances(stack_set, parameters):
    return in_background(stack_set, named_instances(stack_set, parameters), stack_set.deploy, "UPDATE")


@answered("DeleteStackInstances")
def delete_instances(stack_set, parameters):
    def remove(place):
        reason = stack_set.remove(place)
        if not reason:
            removed.append(place)
        return reason

    removed = []
    at_the_end = lambda: [stack_set.instances.pop(place) for place in removed]
    return in_background(stack_set, named_instances(stack_set, parameters), remove, "DELETE", at_the_end)


def patch():
    provisioners._RESOURCE_HANDLERS[RESOURCE_TYPE] = {"create": create, "update": update, "delete": delete}
    # In AWS's schema of the type, these are createOnlyProperties. A change of another property replaces nothing.
    provisioners._REPLACING_PROPERTIES[RESOURCE_TYPE] = ("PermissionModel", "StackSetName")
    on_thread, sends_back = stacks._runs_on_worker_thread, stacks._sends_back_failed_update
    stacks._runs_on_worker_thread = lambda kind: kind == RESOURCE_TYPE or on_thread(kind)
    # An operation that fails may have changed some accounts, so the rollback must deploy to them too.
    stacks._sends_back_failed_update = lambda kind: kind == RESOURCE_TYPE or sends_back(kind)
