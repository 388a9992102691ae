#!/usr/bin/env python3
"""Writes COMMENT on the pull request PULL_REQUEST, and deletes the comments of earlier runs.

Each run writes a comment of its own. Another workflow can write a comment with the same first line, but not so that this
one is taken for it: what is here was written after everything that is deleted.
"""

import os
import sys

import github

AUTHOR = "github-actions[bot]"  # The author of comments that a workflow writes.

comment = os.environ["COMMENT"]
marker = comment.splitlines()[0]
thread = f"{github.REPOSITORY}/issues/{os.environ['PULL_REQUEST']}/comments"

try:
    earlier = [
        written["id"]
        for written in github.every(thread)
        if (written["user"] or {}).get("login") == AUTHOR and written["body"].startswith(marker)
    ]
    print(github.call("--method", "POST", thread, body={"body": comment})["html_url"])
    for identifier in earlier:
        github.call("--method", "DELETE", f"{github.REPOSITORY}/issues/comments/{identifier}")
except github.ApiError as error:
    if not error.not_permitted:
        sys.exit(str(error))
    print("::notice::This run may not write a comment: read the text in the summary of the job Change")
