#!/usr/bin/env python3
"""Writes COMMENT on the pull request PULL_REQUEST. Replaces the comment of an earlier run."""

import json
import os
import subprocess
import sys

AUTHOR = "github-actions[bot]"  # The author of comments that a workflow writes.


def gh(*arguments, text=None):
    """Calls GitHub's API and returns the response."""
    done = subprocess.run(["gh", "api", *arguments], input=text, capture_output=True, text=True)
    if done.returncode == 0:
        return json.loads(done.stdout)
    if "Resource not accessible by integration" in done.stderr:
        # The token may not write, because the change comes from a fork or from a bot that GitHub treats like one.
        print("::notice::This run may not write a comment: read the text in the summary of the job Check")
        sys.exit(0)
    sys.exit(done.stderr)


comment = os.environ["COMMENT"]
marker = comment.splitlines()[0]
repository = f"repos/{os.environ['GITHUB_REPOSITORY']}"
thread = f"{repository}/issues/{os.environ['PULL_REQUEST']}/comments"

pages = gh("--paginate", "--slurp", f"{thread}?per_page=100")
mine = [
    written["id"]
    for page in pages
    for written in page
    if (written["user"] or {}).get("login") == AUTHOR and written["body"].startswith(marker)
]
if mine:
    target = ["--method", "PATCH", f"{repository}/issues/comments/{mine[0]}"]
else:
    target = ["--method", "POST", thread]
written = gh(*target, "--input", "-", text=json.dumps({"body": comment}))
print(written["html_url"])
