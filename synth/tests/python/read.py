"""Reads templates as other tools do: `plain` is PyYAML with CloudFormation's tags, `cli` is the AWS CLI.

Each line on standard input is a template in a JSON string. Each line of the answer is a list with the template as JSON
with long-form intrinsic functions. If the template cannot be read, the answer is a string with the reason.
"""

import json
import sys

import yaml
from awscli.customizations.cloudformation.yamlhelper import yaml_parse


class Loader(yaml.SafeLoader):
    """PyYAML's YAML 1.1, plus CloudFormation's tags."""


def intrinsic(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", intrinsic)

read = {"plain": lambda text: yaml.load(text, Loader), "cli": yaml_parse}[sys.argv[1]]
for line in sys.stdin:
    try:
        # Without a default, a date or another value that is not JSON is an error. Such a value was misread.
        answer = json.dumps([read(json.loads(line))])
    except Exception as reason:
        answer = json.dumps(f"{type(reason).__name__}: {reason}")
    print(answer, flush=True)
