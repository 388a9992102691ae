"""Reads a recorded answer as botocore does, and compares it with the model of its operation."""

import json
from collections.abc import Iterator
from functools import cache
from xml.etree import ElementTree

from botocore.model import OperationModel, Shape
from botocore.parsers import ResponseParserError, create_parser

import error_codes
import request_reader
import shape_rules
from recordings import Answer

# Elements around a result in the query protocol.
AROUND = {"ResponseMetadata", "RequestId"}

PARSERS = {protocol: create_parser(protocol) for protocol in ("query", "json", "rest-json", "rest-xml")}


def problems(operation: OperationModel, answer: Answer) -> Iterator[str]:
    """Each difference between an answer and what the models say about the answers of its operation."""
    protocol = operation.service_model.metadata["protocol"]
    at = f"answer of {operation.name}"
    if protocol == "json" and not is_json(answer.body):
        yield f"{at}: no JSON: {answer.body[:200]!r}"
        return
    response = {"status_code": answer.status, "headers": answer.headers, "body": answer.body.encode()}
    try:
        parsed = PARSERS[protocol].parse(response, operation.output_shape)
    except (ResponseParserError, KeyError, ValueError) as error:
        yield f"{at}: botocore cannot read it: {error!r}: {answer.body[:200]!r}"
        return
    if answer.status >= 300:
        # An answer to HEAD has no body, so its status is all that it says.
        if operation.http.get("method") != "HEAD":
            yield from error_codes.problems(operation, parsed.get("Error", {}).get("Code", ""), answer.status)
        return
    parsed.pop("ResponseMetadata", None)
    if operation.output_shape is None:
        return
    if protocol == "json":
        # botocore skips a member that it does not know.
        parsed = request_reader.from_json(operation.output_shape, json.loads(answer.body))
    yield from shape_rules.problems(operation.output_shape, parsed, at)
    if protocol == "query":
        known = element_names(operation.output_shape) | AROUND
        known |= {f"{operation.name}Response", operation.output_shape.serialization.get("resultWrapper")}
        # botocore skips an element that it does not know.
        for element in ElementTree.fromstring(answer.body).iter():
            name = element.tag.rpartition("}")[2]
            if name not in known:
                yield f"{at}: the model has no element {name}"


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@cache
def element_names(shape: Shape) -> set[str]:
    """The name of each element that the XML of a shape can have."""
    names: set[str] = set()
    seen: set[str] = set()

    def add(shape: Shape) -> None:
        if shape.name in seen:
            return
        seen.add(shape.name)
        if shape.type_name == "structure":
            for name, member in shape.members.items():
                names.add(member.serialization.get("name", name))
                add(member)
        elif shape.type_name == "list":
            names.add(shape.member.serialization.get("name", "member"))
            add(shape.member)
        elif shape.type_name == "map":
            names.add("entry")
            names.add(shape.key.serialization.get("name", "key"))
            names.add(shape.value.serialization.get("name", "value"))
            add(shape.value)

    add(shape)
    return names
