"""Replaces the emulator's credential report. The emulator's own is slow with thousands of users, because it searches all
keys for each user. It also puts no quotes around a name with a comma, and does not know who has a password."""

import csv
import io
from collections import defaultdict

from ministack.core.responses import get_account_id
from ministack.services import iam

NEVER = "N/A"


def key(record):
    """The columns of one key: active, last_rotated, and three columns for its last use."""
    if not record:
        return ["false", *[NEVER] * 4]
    return [str(record["Status"] == "Active").lower(), record["CreateDate"], *[NEVER] * 3]


def report():
    """The report: one row for the account's root user, and one for each user."""
    keys = defaultdict(list)
    for record in iam._access_keys.values():
        keys[record["UserName"]].append(record)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(iam._CRED_REPORT_HEADER.split(","))
    certificates = ["false", NEVER] * 2
    unsaid = ["not_supported"] * 4
    table.writerow(["<root_account>", f"arn:aws:iam::{get_account_id()}:root", NEVER, *unsaid, "false", *key(None) * 2, *certificates])
    for name, user in iam._users.items():
        one, two, *_ = [*sorted(keys[name], key=lambda record: record["CreateDate"]), None, None]
        password = str(name in iam._login_profiles).lower()
        about = [name, user["Arn"], user["CreateDate"], password, *[NEVER] * 3, "false"]
        table.writerow([*about, *key(one), *key(two), *certificates])
    return text.getvalue()


def patch():
    iam._build_credential_report = report
