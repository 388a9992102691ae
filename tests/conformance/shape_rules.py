"""Compares a value with a shape of AWS's models: names, types, required members, lengths, patterns, enumerations.

botocore's own validator knows neither patterns nor enumerations nor greatest lengths.
"""

from collections.abc import Iterator
from datetime import datetime

import regex
from botocore.model import Shape

# The Python types of each type of the models. A blob may be text, because some formats write it in Base64.
TYPES = {
    "string": str,
    "character": str,
    "blob": (bytes, str),
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (datetime, int, float),
    "structure": dict,
    "map": dict,
    "list": list,
}
WITH_LENGTH = {"string", "blob", "list", "map"}
NUMBERS = {"integer", "long", "float", "double"}


def problems(shape: Shape, value: object, at: str) -> Iterator[str]:
    """Each difference between a value and its shape."""
    kind = shape.type_name
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{at}: {kind} expected, not {value!r}"
        return
    yield from limits(shape, value, at)
    if kind == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"{at}: {name} is missing"
        for name, inner in value.items():
            if name not in shape.members:
                yield f"{at}: {shape.name} has no {name}"
            elif inner is not None:
                yield from problems(shape.members[name], inner, f"{at}.{name}")
        if getattr(shape, "is_tagged_union", False) and len(value) != 1:
            yield f"{at}: one of {', '.join(shape.members)} expected"
    elif kind == "list":
        for inner in value:
            yield from problems(shape.member, inner, f"{at}[]")
    elif kind == "map":
        for key, inner in value.items():
            yield from problems(shape.key, key, f"{at} key")
            yield from problems(shape.value, inner, f"{at}[{key!r}]")


def limits(shape: Shape, value: object, at: str) -> Iterator[str]:
    """Each limit of the shape that the value breaks."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name in WITH_LENGTH | NUMBERS:
        size = value if shape.type_name in NUMBERS else len(value)
        what = "value" if shape.type_name in NUMBERS else "length"
        if least is not None and size < least:
            yield f"{at}: the {what} {size} is less than {least}"
        if most is not None and size > most:
            yield f"{at}: the {what} {size} is more than {most}"
    words = getattr(shape, "enum", None)
    if words and value not in words:
        yield f"{at}: {value!r} is none of {', '.join(words)}"
    pattern = shape.metadata.get("pattern")
    if pattern and isinstance(value, str) and not regex.fullmatch(pattern, value):
        yield f"{at}: {value!r} does not match {pattern}"
