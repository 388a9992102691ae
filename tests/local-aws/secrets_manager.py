"""Adds checks of Secrets Manager that the emulator lacks. AWS checks further actions besides that of the call. It refuses a
policy with a principal that does not exist, and a version that is stored again with other contents."""

import json

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.core.router import extract_access_key_id
from ministack.services import iam, secretsmanager

emulators_context = iam_actions.request_tag_context
emulators_answer = secretsmanager.handle_request
emulators_denial = iam_actions.access_denied_response


def context(service, action, body, params):
    """The condition keys of a request, including the one for blocked public policies."""
    keys = emulators_context(service, action, body, params)
    if action == "secretsmanager:PutResourcePolicy":
        keys["secretsmanager:BlockPublicPolicy"] = str(json.loads(body).get("BlockPublicPolicy", False)).lower()
    return keys


def checked_besides(operation, asked, secret):
    """The further actions that AWS checks, each with its service, its resource and its condition keys."""
    name = f"arn:aws:secretsmanager:{get_region()}:{get_account_id()}:secret:{asked.get('Name')}-Ab1Cd2"
    arn, key = (secret["ARN"], secret["KmsKeyId"]) if secret else (name, asked.get("KmsKeyId"))
    if operation == "CreateSecret" and asked.get("Tags"):
        tags = {"aws:TagKeys": [tag["Key"] for tag in asked["Tags"]]}
        yield "secretsmanager:TagResource", "secretsmanager", arn, tags
    stored_before = secret and asked.get("ClientRequestToken") in secret["Versions"]
    uses = {
        "CreateSecret": ["GenerateDataKey", "Decrypt"],
        "PutSecretValue": ["Decrypt" if stored_before else "GenerateDataKey"],
        "GetSecretValue": ["Decrypt"],
    }
    for use in uses.get(operation, []) if key else []:
        through = f"secretsmanager.{get_region()}.amazonaws.com"
        yield f"kms:{use}", "kms", key, {"kms:ViaService": through, "kms:EncryptionContext:SecretARN": arn}


def names_nobody(policy):
    """Whether a policy names a user or a role of this account that does not exist."""
    there = {record["Arn"] for store in (iam._users, iam._roles) for record in store.values()}
    for statement in json.loads(policy)["Statement"]:
        named = statement["Principal"]["AWS"]
        for arn in [named] if isinstance(named, str) else named:
            if f"::{get_account_id()}:" in arn and arn not in there:
                return True
    return False


def refusal(operation, asked, secret):
    """AWS's response to a call that the emulator would wrongly accept. None if AWS accepts the call too."""
    if operation == "PutResourcePolicy" and names_nobody(asked["ResourcePolicy"]):
        text = "This resource policy contains an unsupported principal."
        return error_response_json("MalformedPolicyDocumentException", text, 400)
    version = asked.get("ClientRequestToken") if operation == "PutSecretValue" else None
    if secret and version in secret["Versions"]:
        stored = secret["Versions"][version]
        if stored["SecretString"] != asked["SecretString"]:
            text = f"You can't use the ClientRequestToken {version} because that value is already in use."
            return error_response_json("ResourceExistsException", text, 400)
        answer = {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": version, "VersionStages": stored["Stages"]}
        return json_response(answer)
    return None


async def answer(method, path, headers, body, query_params):
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    asked = json.loads(body or b"{}")
    _, secret = secretsmanager._resolve(asked.get("SecretId") or asked.get("Name"))
    for action, service, resource, keys in checked_besides(operation, asked, secret):
        caller = extract_access_key_id(headers, query_params) or ""
        denied = iam_evaluator.enforce(caller, action, service, get_region(), resource, keys)
        if denied:
            return denial("secretsmanager", action, denied.principal_arn, "")
    return refusal(operation, asked, secret) or await emulators_answer(method, path, headers, body, query_params)


def denial(service, *about, **more):
    """The answer to a call that is not permitted. The status of these services is 400, which the emulator does not know."""
    status, headers, body = emulators_denial(service, *about, **more)
    return 400 if service in ("secretsmanager", "events") else status, headers, body


def patch():
    iam_actions.request_tag_context = context
    iam_actions.access_denied_response = denial
    secretsmanager.handle_request = answer
