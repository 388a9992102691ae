"""Simulates an organization: the runs, calls and mails of a day, and the cost of a month.

    organization.py [ACCOUNTS ...]

It makes no calls. It chooses the age of each key and the start of each run at random, and simulates one day. The seed is
fixed, so the numbers are always the same. docs/organization.md quotes the output, and a test compares them.
"""

import random
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cost

# The configuration: the defaults, with the delivery that an organization has (Secrets Manager).
USERS = 50  # users of each account that are selected
ROTATE_AFTER, WARN_BEFORE, OVERLAP, DELETE_AFTER = 60, 7, 7, 14  # days
WINDOW = 3600  # seconds: the schedule's flexible window, in which EventBridge Scheduler spreads the starts
# The recipients: one administrator, and one owner for the users of every ten accounts.
ACCOUNTS_OF_AN_OWNER = 10

# Calls, as the end-to-end tests count them (tests/tests/e2e/fleet.rs): two for the credential report, the list of users
# (1,000 a page), the list of subscriptions (100 a page), and 13 for each rotation, of which the run makes the last ones after
# the overlap. Each run and each notice is an event (PutEvents).
LISTS, USERS_A_PAGE, SUBSCRIPTIONS_A_PAGE = 2, 1000, 100
CALLS_OF = {"warning": 2, "rotation": 9, "retirement": 3, "deletion": 2}
ANSWER = 0.05  # seconds until AWS answers a call
# The publisher sends one mail after the other: the answer of SNS, and the pause before the next mail.
PAUSE = 0.25

# List prices in us-east-1, November 2026, without free tiers: aws.amazon.com/{eventbridge,sqs,cloudwatch,kms,secrets-manager}/pricing.
KEY, ALARM, METRIC, SECRET = 1.00, 0.10, 0.30, 0.40
EVENT, QUEUE_CALL, SECRET_CALL, LOG_GB = 1.00 / 1e6, 0.50 / 1e6, 0.05 / 1e4, 0.50
DAYS, HOURS = 30, 720
METRICS = 12  # those of the handler, each reported in one hour a day
LINE = 400  # bytes of a log line
RUN_MS, ROTATION_MS, MEMORY = 76, 63, 128  # billed, from BENCHMARKS.md: 200 users with none due, and with all due

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


@dataclass(frozen=True)
class Day:
    """What happens in an organization on one day."""

    starts: Counter[int]  # runs that start, by second
    calls: int
    subscription_calls: Counter[int]  # calls that list the subscriptions of the central topic, by second
    mails: Counter[str]  # mails, by address
    busiest: int  # mails in the busiest second of an address
    wait: float  # the longest time that a mail waited for its turn, in seconds


def step_on(day: int) -> str | None:
    """What a run does for a user on this day of the user's cycle, which begins with the rotation on day 0."""
    match day:
        case 0:
            return "rotation"
        case _ if day == OVERLAP:
            return "retirement"
        case _ if day == OVERLAP + DELETE_AFTER:
            return "deletion"
        case _ if day == ROTATE_AFTER - WARN_BEFORE:
            return "warning"
    return None


def simulate(accounts: int, all_due: bool = False) -> Day:
    """One day. With all_due, it is the first day, and every key is too old."""
    chance = random.Random(f"{accounts} {all_due}")
    owners = -(-accounts // ACCOUNTS_OF_AN_OWNER)
    pages = -(-(owners + 1) // SUBSCRIPTIONS_A_PAGE)
    starts, subscription_calls, calls, queue = Counter(), Counter(), 0, []
    for account in range(accounts):
        start = chance.uniform(0, WINDOW)
        starts[int(start)] += 1
        steps = Counter(step_on(0 if all_due else chance.randrange(ROTATE_AFTER)) for _ in range(USERS))
        del steps[None]
        subscription_calls.update(int(start + (LISTS + page) * ANSWER) for page in range(pages))
        # A deletion has no notice.
        notices = steps.total() - steps["deletion"]
        calls += LISTS + -(-USERS // USERS_A_PAGE) + pages + sum(CALLS_OF[step] * n for step, n in steps.items())
        calls += 1 + notices  # the events
        # Only a run that changed something causes a digest.
        to = [f"owner {account // ACCOUNTS_OF_AN_OWNER}"] * notices + ["administrator"] * (steps.total() > 0)
        queue += [(start + 1 + place * ANSWER, address) for place, address in enumerate(to)]
    mails, free, waited, sent = Counter(), 0.0, 0.0, {}
    for arrival, address in sorted(queue):
        free = max(free, arrival)
        waited = max(waited, free - arrival)
        sent.setdefault(address, []).append(free)
        mails[address] += 1
        free += ANSWER + PAUSE
    busiest = max((sum(first <= t < first + 1 for t in times[i : i + 20]) for times in sent.values() for i, first in enumerate(times)), default=0)
    return Day(starts, calls, subscription_calls, mails, busiest, waited)


def resources(template: str, kind: str) -> int:
    """How many resources of a type a template has."""
    return (TEMPLATES / template).read_text().count(f"Type: {kind}\n")


def per_month(accounts: int, day: Day) -> dict[str, float]:
    """Dollars a month, by part."""
    rotations = accounts * USERS * DAYS / ROTATE_AFTER
    mails = day.mails.total() * DAYS
    run = cost.per_month(RUN_MS + ROTATION_MS * USERS / ROTATE_AFTER, MEMORY) * accounts
    # Each batch of the publisher has ten mails, and its function waits for them.
    publisher = cost.per_month(day.mails.total() * (ANSWER + PAUSE) * 1000, MEMORY) + mails / 10 * cost.PER_REQUEST
    events = mails + accounts * DAYS
    lines = events + accounts * DAYS * (USERS / ROTATE_AFTER * 3 + 1)
    central, member = "organization.yaml", "organization-member.yaml"
    return {
        "secrets": accounts * USERS * SECRET,
        "alarms of the members": accounts * resources(member, "AWS::CloudWatch::Alarm") * ALARM,
        "metrics of the members": accounts * METRICS * METRIC * DAYS / HOURS,
        "alarms and key of the administering account": resources(central, "AWS::CloudWatch::Alarm") * ALARM
        + resources(central, "AWS::KMS::Key") * KEY,
        "Lambda": run + publisher,
        "events, queue, calls and logs": events * (EVENT + 4 * QUEUE_CALL) + rotations * 5 * SECRET_CALL + lines * LINE / 1e9 * LOG_GB,
    }


def table(head: list[str], rows: list[list[str]]) -> str:
    """Columns that fit their widest cell; numbers to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    line = lambda row: "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:]))]).rstrip()
    return "\n".join(line(row) for row in [head, *rows])


def main() -> None:
    sizes = [int(word) for word in sys.argv[1:]] or [10, 100, 1000]
    days = {size: simulate(size) for size in sizes}
    first = {size: simulate(size, all_due=True) for size in sizes}
    number = lambda value: f"{value:,.0f}"
    print(f"Organizations of {USERS} users in each account, one run a day, within {WINDOW // 60} minutes\n")
    head = ["a day", *(f"{size:,} accounts" for size in sizes)]

    def row(what, value, of=days):
        return [what, *(value(of[size]) for size in sizes)]

    print(table(head, [
        ["users", *(number(size * USERS) for size in sizes)],
        ["keys that are replaced", *(number(size * USERS / ROTATE_AFTER) for size in sizes)],
        row("starts in the busiest second", lambda day: number(max(day.starts.values()))),
        row("calls", lambda day: number(day.calls)),
        row("calls to the central topic in the busiest second", lambda day: number(max(day.subscription_calls.values()))),
        row("mails", lambda day: number(day.mails.total())),
        row("mails to the administrator", lambda day: number(day.mails["administrator"])),
        row("mails in the busiest second of an address", lambda day: number(day.busiest)),
        row("seconds that a mail waits at most", lambda day: number(day.wait)),
        row("first day, with every key due: mails", lambda day: number(day.mails.total()), first),
        row("first day: hours that a mail waits at most", lambda day: f"{day.wait / 3600:.1f}", first),
    ]))
    assert all(day.busiest <= 5 for day in [*days.values(), *first.values()]), "more than five mails a second to an address"
    costs = {size: per_month(size, days[size]) for size in sizes}
    print()
    parts = list(costs[sizes[0]])
    print(table(["$ a month", *head[1:]], [
        *([part, *(f"{costs[size][part]:,.2f}" for size in sizes)] for part in parts),
        ["sum", *(f"{sum(costs[size].values()):,.2f}" for size in sizes)],
        ["sum for each user", *(f"{sum(costs[size].values()) / size / USERS:.2f}" for size in sizes)],
    ]))


if __name__ == "__main__":
    main()
