"""The baseline that the handler is measured against: the plain way to rotate keys, with boto3, user by user.

Not for use: it deactivates a key before its successor is known to have arrived, and loses the secret if the mail fails.
"""

import os
from datetime import UTC, datetime, timedelta

import boto3
from botocore.exceptions import ClientError

ROTATE_AFTER = timedelta(days=60)

iam = boto3.client("iam")
sns = boto3.client("sns")


def handle(event, context):
    return {user: attempt(user) for user in os.environ["USERS"].split()}


def attempt(user):
    try:
        return rotate(user)
    except ClientError as error:
        print(f"{user}: {error}")
        return f"failed: {error}"


def rotate(user):
    keys = sorted(iam.list_access_keys(UserName=user)["AccessKeyMetadata"], key=lambda key: key["CreateDate"])
    active = [key for key in keys if key["Status"] == "Active"]
    if not active or datetime.now(UTC) - active[0]["CreateDate"] < ROTATE_AFTER:
        return "nothing to do"
    for key in keys:
        if key["Status"] == "Inactive":
            iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    old = active[0]["AccessKeyId"]
    iam.update_access_key(UserName=user, AccessKeyId=old, Status="Inactive")
    new = iam.create_access_key(UserName=user)["AccessKey"]
    sns.publish(
        TopicArn=os.environ["TOPIC_ARN"],
        Subject=f"New access key for {user}",
        Message=f"User: {user}\nAccess key: {new['AccessKeyId']}\nSecret: {new['SecretAccessKey']}\nReplaced: {old}\n",
    )
    print(f"{user}: {old} replaced by {new['AccessKeyId']}")
    return "rotated"
