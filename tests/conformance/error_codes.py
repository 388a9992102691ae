"""The codes of AWS's errors: those in the model of an operation, and those that AWS documents beside the models."""

from collections.abc import Iterator

from botocore.model import OperationModel

# The codes that every operation may give, by protocol, with their HTTP status. The pages are AWS's; the models lack them.
COMMON: dict[str, dict[str, int]] = {
    # "Common Errors" in the API References of IAM, STS, SNS and CloudFormation.
    "query": {
        "AccessDenied": 403,  # IAM User Guide, "Troubleshoot access denied error messages"
        "ExpiredToken": 403,
        "InternalFailure": 500,
        "InvalidClientTokenId": 403,
        "SignatureDoesNotMatch": 403,  # AWS's answer to a key with another secret, in each service with this protocol
        "Throttling": 400,  # botocore/data/_retry.json, with the status
        "ThrottlingException": 400,
        "ValidationError": 400,
    },
    # "Common Errors" in the API References of Secrets Manager and SQS.
    "json": {
        "AccessDeniedException": 400,
        "InternalFailure": 500,
        "ThrottlingException": 400,
        "UnrecognizedClientException": 400,
    },
    # "Common Errors" in the API References of Lambda and EventBridge Scheduler.
    "rest-json": {"AccessDeniedException": 403},
    # Amazon S3 API Reference, "Error Responses".
    "rest-xml": {"AccessDenied": 403},
}


# The codes that a service keeps from its older protocol ("awsQueryCompatible" in its model), with their HTTP status.
OLDER: dict[str, dict[str, int]] = {"sqs": {"AWS.SimpleQueueService.NonExistentQueue": 400}}


def problems(operation: OperationModel, code: str, status: int) -> Iterator[str]:
    """What is wrong with an error of this operation."""
    at = f"answer of {operation.name}"
    expected = statuses(operation).get(code)
    if expected is None:
        yield f"{at}: AWS has no error {code!r} of it"
    elif status != expected:
        yield f"{at}: the status of {code} is {expected}, not {status}"


def statuses(operation: OperationModel) -> dict[str, int]:
    """The HTTP status of each error code of an operation. Where a model has none, the status is 400."""
    common = COMMON[operation.service_model.metadata["protocol"]]
    known = common | OLDER.get(operation.service_model.service_name, {})
    for shape in operation.error_shapes:
        error = shape.metadata.get("error", {})
        known[error.get("code", shape.name)] = error.get("httpStatusCode", 400)
    return known
