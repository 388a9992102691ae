"""Turns a recorded request back into its operation and its parameters. AWS's models say how a service writes them."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree

import regex
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, OperationNotFoundError, ServiceModel, Shape
from dateutil.parser import isoparse, parse as parse_time

from recordings import Request
from service_models import operation_model, service_model


class UnreadableRequest(Exception):
    """The service does not know such a request."""


def read(request: Request) -> tuple[OperationModel, dict[str, Any]]:
    """The operation and the parameters. Raises UnreadableRequest if AWS's models have no place for some part."""
    try:
        service = service_model(request.service)
    except UnknownServiceError as error:
        raise UnreadableRequest(f"AWS has no service {request.service!r}") from error
    protocol = service.metadata["protocol"]
    try:
        return READERS[protocol](service, request)
    except OperationNotFoundError as error:
        raise UnreadableRequest(str(error)) from error


def read_query(service: ServiceModel, request: Request) -> tuple[OperationModel, dict[str, Any]]:
    """The protocol of IAM, STS, SNS and CloudFormation: a form, whose names are paths such as `Tags.member.1.Key`."""
    pairs = parse_qsl(request.body, keep_blank_values=True)
    form = dict(pairs)
    if len(form) < len(pairs):
        raise UnreadableRequest(f"a name is twice in {[name for name, _ in pairs]}")
    name, version = form.pop("Action", ""), form.pop("Version", None)
    operation = operation_model(service.service_name, name)
    if version != service.api_version:
        raise UnreadableRequest(f"{name}: the version is {version}, not {service.api_version}")
    tree: dict[str, Any] = {}
    for path, text in form.items():
        node = tree
        for step in path.split("."):
            node = node.setdefault(step, {})
        node[""] = text
    return operation, from_form(operation.input_shape, tree, name) if operation.input_shape else form


def from_form(shape: Shape, node: dict[str, Any], at: str) -> Any:
    """The value of a shape below one node of the tree of a form."""
    if shape.type_name == "structure":
        names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
        return {
            names.get(step, step): from_form(shape.members[names[step]], inner, f"{at}.{step}") if step in names else inner
            for step, inner in node.items()
        }
    if shape.type_name in ("list", "map"):
        entry = shape.member.serialization.get("name", "member") if shape.type_name == "list" else "entry"
        entries = node if shape.serialization.get("flattened") else node.get(entry, {})
        if (set(node) - {entry} and entries is not node) or set(entries) != {str(n + 1) for n in range(len(entries))}:
            if node == {"": ""}:
                return [] if shape.type_name == "list" else {}
            raise UnreadableRequest(f"{at}: a {shape.type_name} is written {entry}.1, {entry}.2, not {sorted(node)}")
        ordered = [entries[str(n + 1)] for n in range(len(entries))]
        if shape.type_name == "list":
            return [from_form(shape.member, inner, f"{at}.{n + 1}") for n, inner in enumerate(ordered)]
        key, value = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
        for inner in ordered:
            if set(inner) != {key, value}:
                raise UnreadableRequest(f"{at}: an entry has {key} and {value}, not {sorted(inner)}")
        return {from_form(shape.key, i[key], at): from_form(shape.value, i[value], at) for i in ordered}
    if set(node) != {""}:
        raise UnreadableRequest(f"{at}: one value expected, not {sorted(node)}")
    return from_text(shape, node[""], at)


def from_text(shape: Shape, text: str, at: str) -> Any:
    """The value that a text stands for in a form, a header, a query or XML."""
    readers = {
        "integer": int,
        "long": int,
        "float": float,
        "double": float,
        "boolean": {"true": True, "false": False}.__getitem__,
        "blob": lambda text: base64.b64decode(text, validate=True),
        "timestamp": parse_time if shape.serialization.get("location") == "header" else isoparse,
    }
    try:
        return readers.get(shape.type_name, str)(text)
    except (ValueError, KeyError) as error:
        raise UnreadableRequest(f"{at}: {text!r} is no {shape.type_name}") from error


def read_json(service: ServiceModel, request: Request) -> tuple[OperationModel, dict[str, Any]]:
    """The protocol of Secrets Manager: the operation in a header, the parameters as JSON."""
    prefix, _, name = request.headers.get("x-amz-target", "").rpartition(".")
    if prefix != service.metadata["targetPrefix"]:
        raise UnreadableRequest(f"{service.metadata['targetPrefix']} is the target, not {prefix}")
    expected = f"application/x-amz-json-{service.metadata['jsonVersion']}"
    if request.headers.get("content-type") != expected:
        raise UnreadableRequest(f"{name}: the content is {expected}, not {request.headers.get('content-type')}")
    operation = operation_model(service.service_name, name)
    return operation, from_json(operation.input_shape, document(request, name))


def document(request: Request, at: str) -> Any:
    try:
        return json.loads(request.body or "{}")
    except ValueError as error:
        raise UnreadableRequest(f"{at}: no JSON: {error}") from error


def local_name(element: ElementTree.Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def from_xml(shape: Shape, element: ElementTree.Element) -> Any:
    """The value of a shape in XML, with the names of the model."""
    if shape.type_name == "list":
        return [from_xml(shape.member, inner) for inner in element]
    if shape.type_name != "structure":
        return from_text(shape, element.text or "", local_name(element))
    names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
    value: dict[str, Any] = {}
    for inner in element:
        name = names.get(local_name(inner))
        member = shape.members[name] if name else None
        if member is None:
            value[local_name(inner)] = inner.text
        elif member.type_name == "list" and member.serialization.get("flattened"):
            value.setdefault(name, []).append(from_xml(member.member, inner))
        else:
            value[name] = from_xml(member, inner)
    return value


def from_json(shape: Shape | None, value: Any) -> Any:
    """The value of a shape in JSON, with the names of the model. Wrong types stay as they are."""
    if shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
        return {
            names.get(name, name): from_json(shape.members[names[name]], inner) if name in names else inner
            for name, inner in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [from_json(shape.member, inner) for inner in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: from_json(shape.value, inner) for key, inner in value.items()}
    return value


# Headers that belong to HTTP, to the signature, or to the SDKs, not to an operation.
NO_PARAMETERS = regex.compile(
    "host|accept|accept-encoding|connection|user-agent|content-length|content-type|transfer-encoding|expect|"
    "amz-sdk-.*|x-amz-(user-agent|date|content-sha256)|x-forwarded-.*|x-amzn-trace-id"
)


def read_rest(service: ServiceModel, request: Request) -> tuple[OperationModel, dict[str, Any]]:
    """The protocols of Lambda, Scheduler and S3: the parameters are in the path, the query, the headers and the body."""
    url = urlsplit(request.target)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    found = list(candidates(service, request.method, url.path, query))
    if not found:
        raise UnreadableRequest(f"{service.service_name} has no operation {request.method} {request.target}")
    operation, in_path, constants = max(found, key=lambda each: len(each[2]) + fitting(each[0], request, query))
    parameters: dict[str, Any] = dict(in_path)
    rest = {name: text for name, text in query.items() if name not in constants}
    if rest.get("x-id") == operation.name:
        del rest["x-id"]
    headers = {name: text for name, text in request.headers.items() if not NO_PARAMETERS.fullmatch(name)}
    shape = operation.input_shape
    at = operation.name
    for name, member in (shape.members if shape else {}).items():
        place, written = member.serialization.get("location"), member.serialization.get("name", name)
        if place == "querystring" and written in rest:
            parameters[name] = from_text(member, rest.pop(written), f"{at}.{name}")
        elif place == "header" and written.lower() in request.headers:
            parameters[name] = from_text(member, request.headers[written.lower()], f"{at}.{name}")
            headers.pop(written.lower(), None)
        elif place == "headers":
            those = [header for header in headers if header.startswith(written.lower())]
            if those:
                parameters[name] = {header[len(written) :]: headers.pop(header) for header in those}
    if operation.http_checksum:
        # The model names the algorithm, and the header of the checksum has its name ("Checking object integrity").
        headers = {name: text for name, text in headers.items() if not name.startswith("x-amz-checksum-")}
    # What is left in the query and in the headers is unknown to the model, and is found as such.
    return operation, parameters | rest | headers | of_body(operation, request)


def candidates(
    service: ServiceModel, method: str, path: str, query: dict[str, str]
) -> Iterator[tuple[OperationModel, dict[str, str], set[str]]]:
    """The operations with this method and path: the model, the parameters in the path, the constants of the query."""
    for name in service.operation_names:
        operation = operation_model(service.service_name, name)
        template, _, constant = operation.http["requestUri"].partition("?")
        constants = dict(parse_qsl(constant, keep_blank_values=True))
        if operation.http["method"] != method or not constants.items() <= query.items():
            continue
        matched = regex.fullmatch(path_pattern(template), path)
        if matched:
            labels = {
                member.serialization.get("name", member_name): member_name
                for member_name, member in (operation.input_shape.members if operation.input_shape else {}).items()
                if member.serialization.get("location") == "uri"
            }
            found = {labels[label]: unquote(text) for label, text in matched.groupdict().items()}
            yield operation, found, set(constants)


def path_pattern(template: str) -> str:
    """The paths of a template. `{Key+}` contains slashes, `{Bucket}` none."""
    pieces = regex.split(r"\{(\w+)(\+?)\}", template)
    pattern = regex.escape(pieces[0])
    for label, greedy, literal in zip(pieces[1::3], pieces[2::3], pieces[3::3]):
        pattern += f"(?P<{label}>{'.+' if greedy else '[^/]+'})" + regex.escape(literal)
    return pattern


def fitting(operation: OperationModel, request: Request, query: dict[str, str]) -> int:
    """How well the required headers and the required query of an operation fit. Negative if some are missing."""
    if operation.input_shape is None:
        return 0
    score = 0
    for name in operation.input_shape.required_members:
        member = operation.input_shape.members[name]
        written = member.serialization.get("name", name)
        place = member.serialization.get("location")
        if place in ("querystring", "header"):
            there = written in query if place == "querystring" else written.lower() in request.headers
            score += 1 if there else -10
    return score


def of_body(operation: OperationModel, request: Request) -> dict[str, Any]:
    """The parameters in the body of a REST request."""
    shape = operation.input_shape
    payload = shape.serialization.get("payload") if shape else None
    if payload and shape.members[payload].type_name in ("blob", "string"):
        return {payload: request.body} if request.body else {}
    if operation.service_model.metadata["protocol"] == "rest-xml":
        if not request.body:
            return {}
        root, body = ElementTree.fromstring(request.body), shape.members.get(payload) if payload else None
        if body is None or local_name(root) != body.serialization.get("name", payload):
            raise UnreadableRequest(f"{operation.name} has no body {local_name(root)}")
        return {payload: from_xml(body, root)}
    if not request.body:
        return {}
    parsed = document(request, operation.name)
    if payload:
        return {payload: from_json(shape.members[payload], parsed)}
    in_body = [name for name, member in (shape.members if shape else {}).items() if "location" not in member.serialization]
    if not in_body:
        raise UnreadableRequest(f"{operation.name} has no body")
    return from_json(shape, parsed)


READERS = {"query": read_query, "json": read_json, "rest-json": read_rest, "rest-xml": read_rest}
