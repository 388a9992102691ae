"""Prints a run's report as people read it; exits 1 where it says that something failed."""

import json
import sys

report = json.load(open(sys.argv[1], encoding="utf-8"))
if "errorMessage" in report:
    sys.exit(report["errorMessage"])
for user in report["users"]:
    print(f"{user['user']}: {user['result']}, {user['why']}")
    for key in user["found"]:
        print(f"    {key['id']} {key['status']}, created {key['created']}")
    for change in user["done"]:
        why = f" ({change['why']})" if "why" in change else ""
        print(f"    {'would be ' if report['dryRun'] else ''}{change['change']}: {change['key']}{why}")
print(report["body"])
sys.exit(0 if report["statusCode"] == 200 else 1)
