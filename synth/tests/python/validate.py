"""Validates values against a JSON Schema.

Each line is {"schema": …, "values": [[setting, value], …], "documents": [text, …]}. The answer has a verdict for each
value and document: the list of its errors, empty if it is valid. The schema itself must satisfy its metaschema.
"""

import json
import re
import sys

import yaml
from jsonschema import Draft202012Validator, ValidationError, validators


def pattern(_, regex, value, __):
    # JSON Schema uses JavaScript's dialect, in which $ matches only at the end. In Python it also matches before a last
    # newline.
    if isinstance(value, str) and not re.search(re.sub(r"\$(?=\)|$)", r"\\Z", regex), value):
        yield ValidationError(f"{value!r} does not match")


class Loader(yaml.SafeLoader):
    """YAML 1.2, as editors read it: no, on and 2026-01-01 are text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if not tag.endswith((":bool", ":timestamp"))]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

for line in sys.stdin:
    task = json.loads(json.loads(line))
    schema = task["schema"]
    Draft202012Validator.check_schema(schema)
    Validator = validators.extend(Draft202012Validator, {"pattern": pattern})
    settings = {name: Validator(rule) for name, rule in schema["properties"].items()}
    whole = Validator(schema)
    verdicts = {
        "values": [[e.message for e in settings[name].iter_errors(value)] for name, value in task["values"]],
        "documents": [[e.message for e in whole.iter_errors(yaml.load(text, Loader))] for text in task["documents"]],
    }
    print(json.dumps(verdicts), flush=True)
