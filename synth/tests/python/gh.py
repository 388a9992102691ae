"""Replaces GitHub's command line. GitHub's state is in the file GITHUB: the comments of pull request 7, the repository
"origin", and the "answers" of addresses. An answer that is a text is an error.

A page has only two items. So a program that reads only the first page is detected.
"""

import json
import os
import subprocess
import sys
from urllib.parse import parse_qs

LIMIT = 65536  # The longest comment, in characters.


def fail(message, code=1):
    print(f"gh: {message}", file=sys.stderr)
    sys.exit(code)


if not os.environ.get("GH_TOKEN"):
    fail("To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN environment variable.", 4)
arguments = sys.argv[1:]
if arguments[:2] == ["release", "view"]:
    with open(os.environ["GITHUB"]) as file:
        release = json.load(file)["answers"].get(f"repos/owner/name/releases/{arguments[2]}") or fail("release not found")
    if arguments[3:] != ["--json", "isDraft", "--jq", ".isDraft"]:
        fail(f"unknown options: {arguments}", 2)
    print(json.dumps(release["isDraft"]))
    sys.exit()
if arguments[:1] == ["release"]:
    with open(os.environ["GITHUB"]) as file:
        github = json.load(file)
    exists = f"repos/owner/name/releases/{arguments[2]}" in github["answers"]
    if exists == (arguments[1] == "create"):
        fail("a release with the same tag name already exists" if exists else "release not found")
    files = [name for name in arguments[3:] if os.path.isfile(name)]
    options = [name for name in arguments if name in ("--verify-tag", "--clobber", "--draft=false")]
    notes = arguments[arguments.index("--notes") + 1] if "--notes" in arguments else None
    call = {"call": arguments[1], "release": arguments[2], "files": files, "options": options, "notes": notes}
    github["calls"].append(call)
    with open(os.environ["GITHUB"], "w") as file:
        json.dump(github, file)
    sys.exit()
if not arguments or arguments.pop(0) != "api":
    fail("only api is known here", 2)

flags = {name for name in ("--paginate", "--slurp") if name in arguments}
arguments = [argument for argument in arguments if argument not in flags]
options = {}
for name in ("--method", "--input"):
    if name in arguments:
        at = arguments.index(name)
        options[name] = arguments[at + 1]
        del arguments[at : at + 2]
if len(arguments) != 1:
    fail(f"not one address: {arguments}", 2)
address, _, query = arguments[0].partition("?")
method = options.get("--method", "GET")

with open(os.environ["GITHUB"]) as file:
    github = json.load(file)
comments = github["comments"]
repository = "repos/owner/name/"
thread = f"{repository}issues/7/comments"
one = f"{repository}issues/comments/"


def git(*arguments):
    done = subprocess.run(["git", "-C", github["origin"], *arguments], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def records(call):
    if github["answer"]:
        fail(github["answer"])
    github["calls"].append(call)
    with open(os.environ["GITHUB"], "w") as file:
        json.dump(github, file)


def writes(comment):
    body = json.loads(sys.stdin.read())["body"] if options.get("--input") == "-" else None
    if not body or len(body) > LIMIT:
        fail("Validation Failed (HTTP 422)")
    comment["body"] = body
    records(method)
    return {**comment, "html_url": f"https://github.invalid/owner/name/pull/7#issuecomment-{comment['id']}"}


def reads():
    """The answer of an address, or None."""
    if address == thread:
        return comments
    if address.startswith(f"{repository}git/commits/"):
        tree = git("rev-parse", "--verify", f"{address.rpartition('/')[2]}^{{tree}}")
        return tree and {"tree": {"sha": tree}}
    if address.startswith(f"{repository}compare/"):
        before, head = address.rpartition("/")[2].split("...")
        if git("rev-parse", "--verify", f"{before}^{{commit}}") is None:
            return None
        behind = git("merge-base", "--is-ancestor", before, head) is None
        return {"status": "diverged" if behind else "identical" if before == head else "ahead"}
    if address == f"{repository}git/ref/heads/main":
        return {"object": {"sha": git("rev-parse", "main")}}
    if address in (f"{repository}actions/workflows/{name}.yml/runs" for name in ("ci", "deploy")):
        sha, conclusion = (parse_qs(query)[name][0] for name in ("head_sha", "status"))
        runs = github["answers"].get(address, [])
        return {"workflow_runs": [run for run in runs if (run["head_sha"], run["conclusion"]) == (sha, conclusion)]}
    is_list = address == f"{repository}pulls/7/commits" or (
        address.startswith(f"{repository}commits/") and address.endswith("/pulls")
    )
    return github["answers"].get(address, [] if is_list else None)


if method == "GET":
    answer = reads()
    if answer is None:
        fail("Not Found (HTTP 404)")
    if isinstance(answer, str):
        fail(answer)
    if isinstance(answer, list):
        pages = [answer[at : at + 2] for at in range(0, len(answer), 2)] or [[]]
        pages = pages if "--paginate" in flags else pages[:1]
        answer = pages if "--slurp" in flags else [item for page in pages for item in page]
elif (method, address) == ("POST", thread):
    comments.append({"id": max(comment["id"] for comment in comments) + 1, "user": {"login": "github-actions[bot]"}})
    answer = writes(comments[-1])
elif method == "DELETE" and address.startswith(one):
    found = [comment for comment in comments if str(comment["id"]) == address[len(one) :]]
    comments.remove(found[0] if found else fail("Not Found (HTTP 404)"))
    records(method)
    answer = None
elif method == "POST" and address.endswith("/rerun"):
    records(f"POST {address}")
    answer = {}
else:
    fail("Not Found (HTTP 404)")
if answer is not None:
    print(json.dumps(answer))
