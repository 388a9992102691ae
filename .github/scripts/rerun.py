#!/usr/bin/env python3
"""Runs the job CHECK of the pull request's commit HEAD again, because a review was submitted or dismissed."""

import os

import github

address = f"{github.REPOSITORY}/commits/{os.environ['HEAD']}/check-runs?check_name={os.environ['CHECK']}"
try:
    for check in github.call(address)["check_runs"]:
        # The number of a job is that of its check. A job that runs now reads the review by itself.
        if check["status"] == "completed":
            github.call("--method", "POST", f"{github.REPOSITORY}/actions/jobs/{check['id']}/rerun")
            print(f"Started again: {check['html_url']}")
except github.ApiError as error:
    print(f"::notice::{os.environ['CHECK']} was not started again. Re-run that job by hand. ({error})")
