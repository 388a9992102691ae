#!/usr/bin/env python3
"""Refuses to run a deployment of COMMIT again if main has a newer commit, which may revert it.

The job Deploy does this, because a person can run it again without the other jobs.
"""

import os
import sys

import github

commit = os.environ["COMMIT"]
if os.environ["GITHUB_RUN_ATTEMPT"] != "1":
    try:
        newest = github.call(f"{github.REPOSITORY}/git/ref/heads/main")["object"]["sha"]
    except github.ApiError as error:
        sys.exit(f"::error::{error}")
    if newest != commit:
        sys.exit(f"::error::This deployment is old. main is at {newest}, not {commit}. Run the newest deployment again")
