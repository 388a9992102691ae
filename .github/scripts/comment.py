#!/usr/bin/env python3
"""Writes COMMENT on the pull request PULL_REQUEST. Replaces the comment of an earlier run."""

import os
import sys

import github

AUTHOR = "github-actions[bot]"  # The author of comments that a workflow writes.

comment = os.environ["COMMENT"]
marker = comment.splitlines()[0]
thread = f"{github.REPOSITORY}/issues/{os.environ['PULL_REQUEST']}/comments"

try:
    mine = [
        written["id"]
        for written in github.every(thread)
        if (written["user"] or {}).get("login") == AUTHOR and written["body"].startswith(marker)
    ]
    if mine:
        target = ["--method", "PATCH", f"{github.REPOSITORY}/issues/comments/{mine[0]}"]
    else:
        target = ["--method", "POST", thread]
    print(github.call(*target, body={"body": comment})["html_url"])
except github.ApiError as error:
    if not error.not_permitted:
        sys.exit(str(error))
    print("::notice::This run may not write a comment: read the text in the summary of the job Change")
