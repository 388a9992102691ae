"""Lints templates with cfn-lint: each line on standard input is a template in a JSON string, each line of the answer
is what cfn-lint finds, in JSON. One process and one set of rules for all: they take seconds to load."""

import json
import sys

from cfnlint.config import ConfigMixIn
from cfnlint.decode.decode import decode_str
from cfnlint.runner import Runner

# What the command line lints with by default.
runner = Runner(ConfigMixIn(regions=["us-east-1"]))
for line in sys.stdin:
    template, found = decode_str(json.loads(line))
    found = found or runner.validate_template(template)
    print(json.dumps([str(match) for match in found]), flush=True)
