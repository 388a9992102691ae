#!/usr/bin/env python3
"""Refuses to release a commit that is not in main, or for which ci.yml did not succeed on main.

Everyone who can push can create a tag. This finds a tag on a commit that was never reviewed or tested.
"""

import subprocess
import sys

import github


def git(*arguments):
    return subprocess.run(["git", *arguments], capture_output=True, text=True)


commit = git("rev-parse", "HEAD").stdout.strip()
if not commit or git("merge-base", "--is-ancestor", commit, "origin/main").returncode != 0:
    sys.exit(f"::error::The tag is on {commit}, which is not a commit of main. Merge it, then tag the commit of main")
address = f"{github.REPOSITORY}/actions/workflows/ci.yml/runs?head_sha={commit}&status=success"
try:
    runs = github.call(address)["workflow_runs"]
except github.ApiError as error:
    sys.exit(f"::error::{error}")
# A run for a pull request tests the change with its own workflow file.
if not any(run["head_branch"] == "main" and run["event"] == "push" for run in runs):
    sys.exit(
        f"::error::No run of ci.yml on main succeeded for {commit}. Tag the last commit of a push, and wait for its run. "
        "Then run this job again"
    )
