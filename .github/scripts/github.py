"""Calls GitHub's API through its command line."""

import json
import os
import subprocess

REPOSITORY = f"repos/{os.environ.get('GITHUB_REPOSITORY', '')}"


class ApiError(Exception):
    """GitHub refused a call."""

    @property
    def not_permitted(self):
        """The token may not do this. GitHub gives a change from a fork, and some bots, a token that only reads."""
        return "Resource not accessible by integration" in str(self)


def call(*arguments, body=None):
    """Calls the API and returns the response."""
    given = ["--input", "-"] if body is not None else []
    text = json.dumps(body) if body is not None else None
    done = subprocess.run(["gh", "api", *arguments, *given], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise ApiError(done.stderr.strip())
    return json.loads(done.stdout or "null")


def every(address):
    """Reads all pages of a list."""
    return [item for page in call("--paginate", "--slurp", f"{address}?per_page=100") for item in page]


def output(name, value):
    """Sets an output of the step: one line."""
    with open(os.environ.get("GITHUB_OUTPUT", "/dev/stdout"), "a") as file:
        print(f"{name}={value}", file=file)
