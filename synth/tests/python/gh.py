"""Replaces GitHub's command line and the comments of one pull request. The comments are in the file GITHUB.

A page has only two comments. So a program that reads only the first page is detected.
"""

import json
import os
import sys

LIMIT = 65536  # The longest comment, in characters.


def fail(message, code=1):
    print(f"gh: {message}", file=sys.stderr)
    sys.exit(code)


if not os.environ.get("GH_TOKEN"):
    fail("To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN environment variable.", 4)
arguments = sys.argv[1:]
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
address, _, _ = arguments[0].partition("?")
method = options.get("--method", "GET")

with open(os.environ["GITHUB"]) as file:
    github = json.load(file)
comments = github["comments"]
thread = "repos/owner/name/issues/7/comments"
one = "repos/owner/name/issues/comments/"


def writes(comment):
    if github["answer"]:
        fail(github["answer"])
    body = json.loads(sys.stdin.read())["body"] if options.get("--input") == "-" else None
    if not body or len(body) > LIMIT:
        fail("Validation Failed (HTTP 422)")
    comment["body"] = body
    github["calls"].append(method)
    with open(os.environ["GITHUB"], "w") as file:
        json.dump(github, file)
    return {**comment, "html_url": f"https://github.invalid/owner/name/pull/7#issuecomment-{comment['id']}"}


if (method, address) == ("GET", thread):
    pages = [comments[at : at + 2] for at in range(0, len(comments), 2)] or [[]]
    pages = pages if "--paginate" in flags else pages[:1]
    answer = pages if "--slurp" in flags else [comment for page in pages for comment in page]
elif (method, address) == ("POST", thread):
    comments.append({"id": 100 + len(comments), "user": {"login": "github-actions[bot]"}})
    answer = writes(comments[-1])
elif method == "PATCH" and address.startswith(one):
    found = [comment for comment in comments if str(comment["id"]) == address[len(one) :]]
    answer = writes(found[0]) if found else fail("Not Found (HTTP 404)")
else:
    fail("Not Found (HTTP 404)")
print(json.dumps(answer))
