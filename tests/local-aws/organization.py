"""The organization of the local AWS, which the emulator lacks: its accounts, its id as a condition key, and packages in the
bucket of another account.

An account's root user has the account's number as its access key id, as in the emulator.
"""

import json
import os
from pathlib import Path

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import lambda_svc, s3

# A test writes the organization here: its `id`, the `management` account, the accounts that may administer StackSets
# (`delegated`), and its `units`, each with its accounts.
FILE = Path(os.environ["TMPDIR"], "organization")


emulators_package = lambda_svc._fetch_code_from_s3


def organization():
    """The organization. Without the file, there is none."""
    return json.loads(FILE.read_text()) if FILE.exists() else {"id": None, "management": None, "delegated": [], "units": {}}


def id_of(account):
    """The id of the organization that an account belongs to."""
    known = organization()
    return known["id"] if account in [known["management"], *sum(known["units"].values(), [])] else None


def execution_role(account):
    """The role with which StackSets works in a member's account, as the caller of a request."""
    return f"arn:aws:sts::{account}:assumed-role/stacksets-exec-local/AWSCloudFormation"


def context(action, resource, principal, **keys):
    """A request of a principal, for the evaluation of a resource's policy."""
    return EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=principal.split(":")[4],
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=True,
        service_context=keys,
    )


def package(bucket, key, version_id=None):
    """A function's package. That of another account is read as StackSets' role, which needs the permission of its bucket."""
    owner = s3._bucket_owner_account(bucket)
    if owner in (None, get_account_id()):
        return emulators_package(bucket, key, version_id)
    action = "s3:GetObjectVersion" if version_id else "s3:GetObject"
    request = context(action, f"arn:aws:s3:::{bucket}/{key}", execution_role(get_account_id()))
    policy = s3._bucket_policies.get_scoped(owner, None, bucket)
    if iam_evaluator.evaluate_resource_policy(policy, request).decision != "Allow":
        raise ValueError(
            f"Your access has been denied by S3, please make sure your request credentials have permission to "
            f"{action.removeprefix('s3:')} for {bucket}/{key}. S3 Error Code: AccessDenied. S3 Error Message: Access Denied"
        )
    with request_scope(owner, get_region()):
        return emulators_package(bucket, key, version_id)


def patch():
    iam_evaluator._principal_org_id = id_of
    lambda_svc._fetch_code_from_s3 = package
