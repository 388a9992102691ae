"""Prints a template as JSON with long-form intrinsics: `plain` as PyYAML reads it, `cli` as the AWS CLI does."""

import json
import sys

import yaml


def plain(text):
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
    return yaml.load(text, Loader)


def cli(text):
    from awscli.customizations.cloudformation.yamlhelper import yaml_parse

    return yaml_parse(text)


reader = {"plain": plain, "cli": cli}[sys.argv[1]]
# No default: a date or anything else that is not JSON is a misreading, and fails.
json.dump(reader(sys.stdin.read()), sys.stdout)
