"""The codes of AWS's errors: those in the model of an operation, and those that AWS documents beside the models."""

from collections.abc import Iterator

from botocore.model import OperationModel

# The codes that every operation of a protocol may give, with their HTTP status and AWS's page about them.
COMMON: dict[str, dict[str, tuple[int, str]]] = {
    "query": {
        "AccessDenied": (403, "IAM User Guide, Troubleshoot access denied error messages; the SDKs' retry tests"),
        "InternalFailure": (500, "IAM API Reference, Common Errors"),
    },
    "json": {
        "AccessDeniedException": (400, "Secrets Manager API Reference, Common Errors"),
        "InternalFailure": (500, "Secrets Manager API Reference, Common Errors"),
    },
    "rest-json": {},
    "rest-xml": {},
}


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
    known = {code: status for code, (status, _) in common.items()}
    for shape in operation.error_shapes:
        error = shape.metadata.get("error", {})
        known[error.get("code", shape.name)] = error.get("httpStatusCode", 400)
    return known
