"""An AWS account as far as a rotation sees it: users with keys and tags, secrets, a topic. One method an operation.

Each takes a request's parameters and the key that signed it, and gives back what stands in the answer: XML for IAM, STS
and SNS, a dictionary for Secrets Manager. Keys and secrets are made up at run time.
"""

import base64
import itertools
import secrets
from collections import defaultdict
from datetime import UTC, datetime, timedelta

ACCOUNT = "123456789012"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:bench"
SUBSCRIBER = "security@example.com"
BEGINNING = "2020-01-01T00:00:00Z"
REPORTED = ("active", "last_rotated", "last_used_date")  # What the credential report says about a key.
YESTERDAY, LONG_AGO = timedelta(days=1), timedelta(days=90)


class Refused(Exception):
    """A refusal by AWS, with its error code and its message."""


class Account:
    def __init__(self, users, due):
        """`users` users with one active key each. The keys of the first `due` users are ninety days old."""
        self.numbers = itertools.count()
        self.keys, self.owners, self.tags = {}, {}, defaultdict(dict)
        # Users that are due were rotated before, so they have a secret.
        self.versions = {f"access-key-rotation/{user}": None for user in names(due)}
        for index, user in enumerate(names(users)):
            self.keys[user] = {}
            self._add_key(user, LONG_AGO if index < due else YESTERDAY)

    def _add_key(self, user, age=timedelta(0)):
        key = f"BENCHKEY{next(self.numbers):012}"
        created = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.keys[user][key] = {"UserName": user, "AccessKeyId": key, "Status": "Active", "CreateDate": created}
        self.owners[key] = user
        return self.keys[user][key]

    def _key(self, request):
        key = self.keys[request["UserName"]].get(request["AccessKeyId"])
        return key or refuse("NoSuchEntity", f"The Access Key with id {request['AccessKeyId']} cannot be found.")

    # IAM

    def GenerateCredentialReport(self, request, signer):
        return "<State>COMPLETE</State>"

    def GetCredentialReport(self, request, signer):
        rows = [",".join(["user", *(f"access_key_{place}_{fact}" for place in (1, 2) for fact in REPORTED)])]
        for user, keys in self.keys.items():
            seen = [("true" if key["Status"] == "Active" else "false", key["CreateDate"], "N/A") for key in keys.values()]
            rows.append(",".join([user, *itertools.chain(*(seen + [("false", "N/A", "N/A")] * 2)[:2])]))
        content = base64.b64encode("\n".join(rows).encode()).decode()
        return f"<Content>{content}</Content><ReportFormat>text/csv</ReportFormat>"

    def GetAccountAuthorizationDetails(self, request, signer):
        begin, users = int(request.get("Marker", 0)), list(self.keys)
        end = begin + int(request["MaxItems"])
        shown = "".join(f"<member>{self._listed(user)}</member>" for user in users[begin:end])
        more = f"<Marker>{end}</Marker>" if end < len(users) else ""
        truncated = f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>{more}"
        return f"<UserDetailList>{shown}</UserDetailList>{truncated}"

    def _listed(self, user):
        about = {"Path": "/", "UserName": user, "Arn": f"arn:aws:iam::{ACCOUNT}:user/{user}", "CreateDate": BEGINNING}
        return xml(about) + f"<GroupList/><Tags>{self._tags(user)}</Tags>"

    def _tags(self, user):
        return "".join(f"<member>{xml({'Key': key, 'Value': value})}</member>" for key, value in self.tags[user].items())

    def ListAccessKeys(self, request, signer):
        keys = "".join(f"<member>{xml(key)}</member>" for key in self.keys[request["UserName"]].values())
        return f"<AccessKeyMetadata>{keys}</AccessKeyMetadata><IsTruncated>false</IsTruncated>"

    def CreateAccessKey(self, request, signer):
        if len(self.keys[request["UserName"]]) == 2:
            refuse("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
        key = self._add_key(request["UserName"]) | {"SecretAccessKey": secrets.token_hex(20)}
        return f"<AccessKey>{xml(key)}</AccessKey>"

    def UpdateAccessKey(self, request, signer):
        self._key(request)["Status"] = request["Status"]
        return ""

    def DeleteAccessKey(self, request, signer):
        del self.keys[request["UserName"]][self._key(request)["AccessKeyId"]]
        return ""

    def GetAccessKeyLastUsed(self, request, signer):
        never = "<AccessKeyLastUsed><ServiceName>N/A</ServiceName><Region>N/A</Region></AccessKeyLastUsed>"
        return xml({"UserName": self.owners[request["AccessKeyId"]]}) + never

    def ListUserTags(self, request, signer):
        return f"<Tags>{self._tags(request['UserName'])}</Tags><IsTruncated>false</IsTruncated>"

    def TagUser(self, request, signer):
        members = (f"Tags.member.{number}" for number in itertools.count(1))
        given = itertools.takewhile(lambda member: f"{member}.Key" in request, members)
        self.tags[request["UserName"]] |= {request[f"{m}.Key"]: request.get(f"{m}.Value", "") for m in given}
        return ""

    def UntagUser(self, request, signer):
        for field, key in request.items():
            if field.startswith("TagKeys.member."):
                self.tags[request["UserName"]].pop(key, None)
        return ""

    # STS

    def GetCallerIdentity(self, request, signer):
        user = self.owners.get(signer) or refuse("InvalidClientTokenId", "The security token is invalid.")
        return xml({"Arn": f"arn:aws:iam::{ACCOUNT}:user/{user}", "UserId": signer, "Account": ACCOUNT})

    # SNS

    def ListSubscriptionsByTopic(self, request, signer):
        begin, addresses = int(request.get("NextToken", 0)), [SUBSCRIBER, *map(address, self.keys)]
        end = begin + 100
        shown = "".join(f"<member>{self._subscription(endpoint)}</member>" for endpoint in addresses[begin:end])
        more = f"<NextToken>{end}</NextToken>" if end < len(addresses) else ""
        return f"<Subscriptions>{shown}</Subscriptions>{more}"

    def _subscription(self, endpoint):
        return xml({"SubscriptionArn": f"{TOPIC}:1", "Protocol": "email", "Endpoint": endpoint, "TopicArn": TOPIC})

    def Publish(self, request, signer):
        return xml({"MessageId": next(self.numbers)})

    # Secrets Manager

    def CreateSecret(self, request, signer):
        if request["Name"] in self.versions:
            refuse("ResourceExistsException", "The secret already exists.")
        self.versions[request["Name"]] = None
        return {"Name": request["Name"]}

    def PutResourcePolicy(self, request, signer):
        if request["SecretId"] not in self.versions:
            refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        return {"Name": request["SecretId"]}

    def PutSecretValue(self, request, signer):
        if request["SecretId"] not in self.versions:
            refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        self.versions[request["SecretId"]] = request["ClientRequestToken"]
        return {"Name": request["SecretId"], "VersionId": request["ClientRequestToken"]}

    def DescribeSecret(self, request, signer):
        if request["SecretId"] not in self.versions:
            refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        version = self.versions[request["SecretId"]]
        return {"Name": request["SecretId"], "VersionIdsToStages": {version: ["AWSCURRENT"]} if version else {}}


def names(users):
    return [f"user-{number:04}" for number in range(users)]


def address(user):
    """The owner's own address: the handler sends at most four mails a second to one address."""
    return f"{user}@example.com"


def refuse(code, message):
    raise Refused(code, message)


def xml(fields):
    """The fields need no escaping, because all values are generated here or are identifiers."""
    return "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
