"""The check itself: right requests and answers pass, and each kind of error is found.

    python -m unittest discover --start-directory tests/conformance
"""

import json
import unittest
from urllib.parse import urlencode

import check
from recordings import Answer, Request


def query(service: str, version: str, **parameters: str) -> Request:
    return Request(service, "POST", "/", {}, urlencode({"Version": version} | parameters))


def iam(**parameters: str) -> Request:
    return query("iam", "2010-05-08", **parameters)


def secrets_manager(operation: str, **parameters: object) -> Request:
    headers = {"x-amz-target": f"secretsmanager.{operation}", "content-type": "application/x-amz-json-1.1"}
    return Request("secretsmanager", "POST", "/", headers, json.dumps(parameters))


def rest(service: str, method: str, target: str, body: str = "", **headers: str) -> Request:
    return Request(service, method, target, {name.replace("_", "-"): text for name, text in headers.items()}, body)


def answer(status: int, body: str, **headers: str) -> Answer:
    return Answer("proxy", status, {name.replace("_", "-"): text for name, text in headers.items()}, body)


def tags(**pairs: str) -> dict[str, str]:
    """The tags of a request to IAM."""
    form = {}
    for number, (key, value) in enumerate(pairs.items(), 1):
        form |= {f"Tags.member.{number}.Key": key, f"Tags.member.{number}.Value": value}
    return form


class Case(unittest.TestCase):
    def found(self, request: Request, answer: Answer | None = None) -> str:
        """What the check finds, as one text."""
        findings = check.Findings()
        findings.check(request, answer)
        return "\n".join(findings.problems)

    def assert_found(self, text: str, request: Request, answer: Answer | None = None) -> None:
        self.assertIn(text, self.found(request, answer))

    def assert_right(self, request: Request, answer: Answer | None = None) -> None:
        self.assertEqual(self.found(request, answer), "")


class RequestInAForm(Case):
    def test_a_right_request(self) -> None:
        self.assert_right(iam(Action="CreateAccessKey", UserName="alice"))
        self.assert_right(iam(Action="GenerateCredentialReport"))
        self.assert_right(iam(Action="TagUser", UserName="alice", **tags(team="ci", other="")))
        entry = "MessageAttributes.entry.1"
        to = {f"{entry}.Name": "to", f"{entry}.Value.DataType": "String", f"{entry}.Value.StringValue": "a@example.com"}
        self.assert_right(query("sns", "2010-03-31", Action="Publish", Message="x", **to))

    def test_an_unknown_service_operation_or_version(self) -> None:
        self.assert_found("no service 'iamm'", query("iamm", "2010-05-08", Action="CreateAccessKey"))
        self.assert_found("CreateAcessKey", iam(Action="CreateAcessKey"))
        self.assert_found("not 2010-05-08", query("iam", "2010-05-09", Action="CreateAccessKey"))

    def test_an_unknown_parameter(self) -> None:
        self.assert_found("has no Username", iam(Action="CreateAccessKey", Username="alice"))
        self.assert_found("has no parameters", iam(Action="GenerateCredentialReport", UserName="alice"))
        self.assert_found("has no Value2", iam(Action="TagUser", UserName="alice", **tags(a="b"), **{"Tags.member.1.Value2": "c"}))

    def test_a_missing_parameter(self) -> None:
        self.assert_found("AccessKeyId is missing", iam(Action="DeleteAccessKey", UserName="alice"))
        self.assert_found("Value is missing", iam(Action="TagUser", UserName="a", **{"Tags.member.1.Key": "k"}))

    def test_a_length(self) -> None:
        self.assert_found("the length 129 is more than 128", iam(Action="CreateAccessKey", UserName="a" * 129))
        self.assert_found("the length 15 is less than 16", iam(Action="GetAccessKeyLastUsed", AccessKeyId="A" * 15))
        self.assert_found("the length 51 is more than 50", iam(Action="TagUser", UserName="a", **tags(**{f"k{n}": "v" for n in range(51)})))

    def test_a_pattern(self) -> None:
        self.assert_found("does not match", iam(Action="CreateAccessKey", UserName="a b"))

    def test_an_enumeration(self) -> None:
        update = {"Action": "UpdateAccessKey", "UserName": "alice", "AccessKeyId": "A" * 20}
        self.assert_right(iam(**update, Status="Inactive"))
        self.assert_found("'inactive' is none of", iam(**update, Status="inactive"))

    def test_a_type(self) -> None:
        self.assert_found("no integer", iam(Action="ListAccessKeys", UserName="alice", MaxItems="many"))
        self.assert_found("the value 1001 is more than 1000", iam(Action="ListAccessKeys", MaxItems="1001"))
        self.assert_found("a list is written", iam(Action="TagUser", UserName="alice", **{"Tags.1.Key": "k", "Tags.1.Value": "v"}))
        self.assert_found("a list is written", iam(Action="UntagUser", UserName="alice", **{"TagKeys.member.2": "k"}))


class RequestInJson(Case):
    VALUE = {"SecretId": "a", "ClientRequestToken": "t" * 32, "SecretString": "s"}

    def test_a_right_request(self) -> None:
        self.assert_right(secrets_manager("PutSecretValue", **self.VALUE, VersionStages=["AWSCURRENT"]))

    def test_each_kind_of_error(self) -> None:
        for text, changed in {
            "has no SecretText": {"SecretText": "s"},
            "the length 31 is less than 32": {"ClientRequestToken": "t" * 31},
            "the length 65537 is more than 65536": {"SecretString": "s" * 65_537},
            "string expected": {"SecretString": {"key": "value"}},
            "list expected": {"VersionStages": "AWSCURRENT"},
            "SecretId is missing": {"SecretId": None},
        }.items():
            self.assert_found(text, secrets_manager("PutSecretValue", **self.VALUE | changed))
        self.assert_found("'newest' is none of", secrets_manager("ListSecrets", SortOrder="newest"))
        self.assert_found("PutSecretText", secrets_manager("PutSecretText"))

    def test_headers(self) -> None:
        request = secrets_manager("ListSecrets")
        self.assert_found("is the target", Request("secretsmanager", "POST", "/", request.headers | {"x-amz-target": "sm.ListSecrets"}, "{}"))
        self.assert_found("the content is", Request("secretsmanager", "POST", "/", request.headers | {"content-type": "application/json"}, "{}"))


class RestRequest(Case):
    def test_a_right_request(self) -> None:
        self.assert_right(rest("scheduler", "GET", "/schedules/rotation"))
        self.assert_right(rest("lambda", "POST", "/2015-03-31/functions/rotation/invocations", "{}", content_type="application/json"))
        self.assert_right(rest("s3", "HEAD", "/bucket"))
        self.assert_right(rest("s3", "HEAD", "/bucket/a/b.zip?x-id=HeadObject", x_amz_expected_bucket_owner="111122223333"))
        self.assert_right(rest("s3", "PUT", "/bucket/a.zip", "PK", x_amz_sdk_checksum_algorithm="SHA256"))

    def test_each_kind_of_error(self) -> None:
        invoke = "/2015-03-31/functions/rotation/invocations"
        for text, request in {
            "no operation": rest("scheduler", "GET", "/schedule/rotation"),
            "has no groupname": rest("scheduler", "GET", "/schedules/rotation?groupname=default"),
            "does not match": rest("scheduler", "GET", "/schedules/a%20b"),
            "the length 65 is more than 64": rest("scheduler", "GET", f"/schedules/{'a' * 65}"),
            "'Asynchronous' is none of": rest("lambda", "POST", invoke, "{}", x_amz_invocation_type="Asynchronous"),
            "has no x-amz-invocation": rest("lambda", "POST", invoke, "{}", x_amz_invocation="Event"),
            "'SHA265' is none of": rest("s3", "PUT", "/bucket/a.zip", "PK", x_amz_sdk_checksum_algorithm="SHA265"),
            "has no x-id": rest("s3", "HEAD", "/bucket/a.zip?x-id=GetObject"),
        }.items():
            self.assert_found(text, request)


class RequestInXml(Case):
    def deletion(self, objects: str) -> Request:
        return rest("s3", "POST", "/bucket?delete", f'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{objects}</Delete>')

    def test_a_right_request(self) -> None:
        self.assert_right(self.deletion("<Object><Key>a</Key></Object><Object><Key>b</Key></Object><Quiet>true</Quiet>"))

    def test_errors(self) -> None:
        self.assert_found("Key", self.deletion("<Object><VersionId>1</VersionId></Object>"))
        self.assert_found("Silent", self.deletion("<Object><Key>a</Key></Object><Silent>true</Silent>"))
        self.assert_found("boolean", self.deletion("<Object><Key>a</Key></Object><Quiet>perhaps</Quiet>"))


class AnswerInXml(Case):
    LIST = iam(Action="ListAccessKeys", UserName="alice")

    def listed(self, member: str, more: str = "") -> Answer:
        member = f"<AccessKeyMetadata><member>{member}</member></AccessKeyMetadata>{more}"
        return answer(200, f"<ListAccessKeysResponse><ListAccessKeysResult>{member}</ListAccessKeysResult></ListAccessKeysResponse>")

    def refused(self, code: str, status: int) -> Answer:
        return answer(status, f"<ErrorResponse><Error><Code>{code}</Code><Message>x</Message></Error></ErrorResponse>")

    def test_a_right_answer(self) -> None:
        self.assert_right(self.LIST, self.listed("<Status>Active</Status>", "<IsTruncated>false</IsTruncated>"))
        self.assert_right(self.LIST, self.refused("NoSuchEntity", 404))
        self.assert_right(self.LIST, self.refused("AccessDenied", 403))

    def test_each_kind_of_error(self) -> None:
        for text, wrong in {
            "'active' is none of": self.listed("<Status>active</Status>"),
            "no element State": self.listed("<State>Active</State>"),
            "no element Truncated": self.listed("", "<Truncated>false</Truncated>"),
            "does not match": self.listed("<UserName>a b</UserName>"),
            "the length 129 is more": self.listed(f"<UserName>{'a' * 129}</UserName>"),
            "AccessKeyMetadata is missing": answer(200, "<ListAccessKeysResponse><ListAccessKeysResult/></ListAccessKeysResponse>"),
            "botocore cannot read it": answer(200, "<ListAccessKeysResponse>"),
            "cannot read it: KeyError": answer(200, "<ListAccessKeysResponse><ListKeysResult/></ListAccessKeysResponse>"),
            "no error 'NoSuchUser'": self.refused("NoSuchUser", 404),
            "the status of NoSuchEntity is 404": self.refused("NoSuchEntity", 400),
        }.items():
            self.assert_found(text, self.LIST, wrong)


class AnswerInJson(Case):
    PUT = secrets_manager("PutSecretValue", **RequestInJson.VALUE)

    def test_a_right_answer(self) -> None:
        self.assert_right(self.PUT, answer(200, '{"Name": "a", "VersionStages": ["AWSCURRENT"]}'))
        self.assert_right(self.PUT, answer(400, '{"__type": "ResourceExistsException", "message": "x"}'))

    def test_each_kind_of_error(self) -> None:
        for text, wrong in {
            "has no Version": answer(200, '{"Version": "x"}'),
            "list expected": answer(200, '{"VersionStages": "AWSCURRENT"}'),
            "the length 0 is less than 1": answer(200, '{"Name": ""}'),
            "no JSON": answer(200, "<xml/>"),
            "no error 'ResourceExists'": answer(400, '{"__type": "ResourceExists"}'),
            "is 400, not 403": answer(403, '{"__type": "AccessDeniedException"}'),
        }.items():
            self.assert_found(text, self.PUT, wrong)


class Counts(unittest.TestCase):
    def test_too_few_are_an_error(self) -> None:
        self.assertIn("requests", "\n".join(check.Findings().too_few()))


if __name__ == "__main__":
    unittest.main()
