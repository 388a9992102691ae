"""Lints templates with cfn-lint. Each line on standard input is a template in a JSON string. Each line of the answer is
a JSON list of cfn-lint's findings. All templates share one process, because the rules take seconds to load."""

import json
import sys

from cfnlint.config import ConfigMixIn
from cfnlint.decode.decode import decode_str
from cfnlint.runner import Runner

# The default of cfn-lint's command line.
runner = Runner(ConfigMixIn(regions=["us-east-1"]))
for line in sys.stdin:
    template, found = decode_str(json.loads(line))
    found = found or runner.validate_template(template)
    print(json.dumps([str(match) for match in found]), flush=True)
