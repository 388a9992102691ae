#!/usr/bin/env python3
"""Decides whether a change has the approval that it needs.

An approval is a review of the head commit by a code owner who neither opened the pull request nor made or pushed a commit
of it. CODEOWNERS is that of this checkout, which is the commit that the change starts from. NEEDED is what diff.sh says:
true or false.

In a pull request (PULL_REQUEST, HEAD, CURRENT), the exit code is 1 if the change is held. After a push (BEFORE, COMMIT)
and after a start by hand (APPROVE), the outputs of the step say how the deployment continues:
  go            true: deploy
  ask           true: deploy if a reviewer of the environment "approval" agrees
  fingerprints  the changes that are approved then
"""

import os
import re
import sys
from pathlib import Path
from urllib.parse import quote

import github

ENVIRONMENT = "approval"
PLACEHOLDER = "@replace-me"
MOST_COMMITS = 250  # GitHub's limit for the commits of a pull request.
OWNERS = Path(__file__).parents[1] / "CODEOWNERS"
given = os.environ.get


class Held(Exception):
    """Why no approval counts."""


def code_owners():
    """Returns the owners of every line in CODEOWNERS, in lower case."""
    try:
        lines = [line.partition("#")[0].split() for line in OWNERS.read_text().splitlines()]
    except OSError:
        raise Held("The base commit has no .github/CODEOWNERS. Add it: docs/ci.md says how") from None
    rules = [line for line in lines if line]
    if not any(rule[0] == "*" for rule in rules):
        raise Held("CODEOWNERS has no line with the pattern *, so it does not cover every file. Add the line")
    owners = set.intersection(*({owner.lower() for owner in rule[1:]} for rule in rules))
    if PLACEHOLDER in owners:
        raise Held(f"CODEOWNERS still names the placeholder {PLACEHOLDER}. Name people with write access")
    return owners


def readable(address):
    """What an address says, or nothing if the token may not read it."""
    try:
        return github.call(address)
    except github.ApiError:
        return {}


def owns(reviewer, owners, notes):
    """Whether a user is a code owner: named in CODEOWNERS, or a member of a team there, and with write access."""
    named = f"@{reviewer}".lower() in owners
    for team in sorted(owner for owner in owners if "/" in owner and not named):
        state = readable("orgs/{}/teams/{}/memberships/{}".format(*team[1:].split("/", 1), reviewer)).get("state")
        named = named or state == "active"
        if not state:
            notes.append(f"{team} does not count for @{reviewer}: GitHub shows no membership to this token")
    if not named:
        notes.append(f"@{reviewer} is not a code owner")
        return False
    if readable(f"{github.REPOSITORY}/collaborators/{reviewer}/permission").get("permission") not in ("admin", "write"):
        notes.append(f"@{reviewer} has no write access")
        return False
    return True


def login(user):
    """The name of a user in lower case. Empty if the user is unknown to GitHub."""
    return ((user or {}).get("login") or "").lower()


def contributors(pull, notes):
    """Returns who made or pushed a commit of a pull request, each with the reason why its review does not count."""
    found = {login(pull["user"]): "is the author"}
    commits = github.every(f"{github.REPOSITORY}/pulls/{pull['number']}/commits")
    if len(commits) >= MOST_COMMITS:
        raise Held(f"GitHub lists no more than {MOST_COMMITS} commits of a pull request. Make a smaller one")
    for commit in commits:
        for user in (commit["author"], commit["committer"]):
            found.setdefault(login(user), f"made the commit {commit['sha']}")
    # The person who pushed a commit can be another one. Only the list of pushes shows it.
    shas, branch = {pull["head"]["sha"], *(commit["sha"] for commit in commits)}, quote(pull["head"]["ref"])
    repository = (pull["head"]["repo"] or {}).get("full_name")
    pushes = readable(f"repos/{repository}/activity?per_page=100&ref=refs/heads/{branch}") or []
    for push in pushes:
        if push["after"] in shas:
            found.setdefault(login(push["actor"]), f"pushed the commit {push['after']}")
    if not any(push["after"] == pull["head"]["sha"] for push in pushes):
        notes.append("GitHub does not show who pushed the head commit. Only the branch protection excludes that person")
    return found


def approver(pull):
    """Returns the code owner who approved the head commit of a pull request in a review."""
    owners, notes = code_owners(), []
    head, excluded = pull["head"]["sha"], contributors(pull, notes)
    latest = {}  # By reviewer. A comment changes no decision.
    for review in github.every(f"{github.REPOSITORY}/pulls/{pull['number']}/reviews"):
        if review["user"] and review["state"] in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            latest[review["user"]["login"]] = review
    for reviewer, review in latest.items():
        if review["state"] != "APPROVED":
            notes.append(f"The latest review of @{reviewer} is {review['state'].replace('_', ' ').lower()}")
        elif reviewer.lower() in excluded:
            notes.append(f"@{reviewer} {excluded[reviewer.lower()]}")
        elif review["commit_id"] != head:
            notes.append(f"The review of @{reviewer} is of {review['commit_id']}, not of the head commit")
        elif owns(reviewer, owners, notes):
            for note in notes:
                print(f"::notice::{note}")
            return reviewer
    raise Held("; ".join([f"No code owner has approved the commit {head}", *notes]))


def merged(commit, before):
    """Returns the pull request that was merged, if its merge is the whole push."""
    branch = os.environ["GITHUB_REF_NAME"]
    for found in github.every(f"{github.REPOSITORY}/commits/{commit}/pulls"):
        if found["merged_at"] and found["base"]["ref"] == branch and found["merge_commit_sha"] == commit:
            pull = github.call(f"{github.REPOSITORY}/pulls/{found['number']}")
            break
    else:
        raise Held(f"No merged pull request has the commit {commit}: it was pushed directly")
    number, head = pull["number"], pull["head"]["sha"]
    tree, reviewed = (github.call(f"{github.REPOSITORY}/git/commits/{sha}")["tree"]["sha"] for sha in (commit, head))
    if tree != reviewed:
        raise Held(f"The files that were merged are not those of the pull request #{number}")
    if github.call(f"{github.REPOSITORY}/compare/{before}...{head}")["status"] not in ("ahead", "identical"):
        raise Held(f"The pull request #{number} does not contain what {branch} was before: {before}")
    return pull


def deployed(commit):
    """Whether this workflow deployed a commit of main. A run of another event may deploy nothing."""
    runs = github.call(f"{github.REPOSITORY}/actions/workflows/deploy.yml/runs?head_sha={commit}&status=success")
    return any(
        run["head_branch"] == "main" and run["event"] in ("push", "workflow_dispatch") for run in runs["workflow_runs"]
    )


def asks():
    """Raises Held unless the environment makes its job wait for another person than the one who started the run.

    GitHub creates a missing environment, which has no reviewers. Only where the single reviewer is also the single code
    owner may that person agree to an own change: no other one can.
    """
    environment = readable(f"{github.REPOSITORY}/environments/{ENVIRONMENT}")
    for rule in environment.get("protection_rules", []):
        if rule["type"] == "required_reviewers" and rule["reviewers"]:
            reviewers = {f"@{login(entry['reviewer'])}" for entry in rule["reviewers"] if entry["type"] == "User"}
            is_alone = len(rule["reviewers"]) == 1 and reviewers == code_owners()
            if environment.get("can_admins_bypass") is not False:
                raise Held(f'In the environment "{ENVIRONMENT}", turn off "Allow administrators to bypass"')
            if rule.get("prevent_self_review") is True or is_alone:
                return
            raise Held(f'In the environment "{ENVIRONMENT}", turn on "Prevent self-review"')
    raise Held(f'To be asked, give the environment "{ENVIRONMENT}" required reviewers')


def in_pull_request():
    if given("NEEDED") == "false":
        return "The change needs no approval"
    if given("NEEDED") != "true":
        raise Held("What the change does is unknown, because the job Change has no result. Read its log")
    if given("CURRENT") != "true":
        raise Held("The branch does not contain the newest commit of its base branch. Update it")
    pull = github.call(f"{github.REPOSITORY}/pulls/{os.environ['PULL_REQUEST']}")
    if pull["head"]["sha"] != os.environ["HEAD"]:
        raise Held("The pull request has a newer commit. The job Approval of that commit decides")
    return f"@{approver(pull)} approved the change"


def before_deployment():
    fingerprints, go = given("FINGERPRINTS", ""), False
    if given("GITHUB_EVENT_NAME") == "workflow_dispatch":
        fingerprints = given("APPROVE", "")
        # Checked, because they become part of a command.
        if not all(re.fullmatch("[0-9a-f]{32}", fingerprint) for fingerprint in fingerprints.split(" ") if fingerprint):
            sys.exit("::error::No fingerprint: enter the 32 digits (0-9, a-f) that the refused deployment printed")
        says = f"@{given('GITHUB_ACTOR')} started the deployment by hand, to approve: {fingerprints or 'nothing'}"
    else:
        before = os.environ["BEFORE"]
        try:
            if given("NEEDED") == "false":
                says = "The change needs no approval"
            else:
                pull = merged(os.environ["COMMIT"], before)
                says = f"@{approver(pull)} approved the pull request #{pull['number']}: {fingerprints}"
            # What was held before would be deployed with this change.
            if not deployed(before):
                raise Held(f"The commit before it was not deployed: {before}. Its changes are deployed too. Read them")
            go = True
        except (Held, github.ApiError) as held:
            says = f"The change needs approval and has none. {held}"
    if not go:
        try:
            asks()
        except Held as held:
            raise Held(f"{says}. Nothing was deployed. {held}") from None
    for name, value in [("go", go), ("ask", not go)]:
        github.output(name, str(value).lower())
    github.output("fingerprints", fingerprints)
    return says if go else f'{says}. The environment "{ENVIRONMENT}" asks a reviewer'


try:
    message = in_pull_request() if given("PULL_REQUEST") else before_deployment()
except (Held, github.ApiError) as problem:
    sys.exit(f"::error::{problem}")
print(message)
with open(given("GITHUB_STEP_SUMMARY", os.devnull), "a") as file:
    print(message, file=file)
