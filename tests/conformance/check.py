"""Compares every recorded request and answer with AWS's service models.

    check.py FOLDER [--whole-suite]

FOLDER has what the proxies recorded. With --whole-suite, too few requests are an error, because then a part of the suite
was not recorded.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import answer_reader
import emulator_deviations
import recordings
import request_reader
import shape_rules

# About half of what the whole suite has: 20,955 requests of 56 operations, 1,531 answers of the proxy.
LEAST_REQUESTS = 10_000
LEAST_OPERATIONS = 48
LEAST_MADE_UP_ANSWERS = 800


class Findings:
    """What was compared, and what is wrong."""

    def __init__(self) -> None:
        self.requests = self.answers = self.made_up = 0
        self.operations: set[tuple[str, str]] = set()
        # Each problem, and how often it occurred.
        self.problems: Counter[str] = Counter()

    def check(self, request: recordings.Request, answer: recordings.Answer | None) -> None:
        """Compares a request, and its answer if it got one."""
        self.requests += 1
        try:
            operation, parameters = request_reader.read(request)
        except request_reader.UnreadableRequest as error:
            self.problems[f"{request.service}: {error}"] += 1
            return
        self.operations.add((request.service, operation.name))
        if operation.input_shape:
            self.problems.update(shape_rules.problems(operation.input_shape, parameters, operation.name))
        elif parameters:
            self.problems[f"{operation.name} has no parameters, not even {', '.join(parameters)}"] += 1
        if answer:
            self.answers += 1
            self.made_up += answer.author == "proxy"
            found = answer_reader.problems(operation, answer)
            if answer.author == "emulator":
                found = (problem for problem in found if not emulator_deviations.is_known(problem))
            self.problems.update(f"{answer.author}: {problem}" for problem in found)

    def too_few(self) -> Iterator[str]:
        """What the whole suite has more of."""
        for what, number, least in (
            ("requests", self.requests, LEAST_REQUESTS),
            ("operations", len(self.operations), LEAST_OPERATIONS),
            ("answers of the proxy", self.made_up, LEAST_MADE_UP_ANSWERS),
        ):
            if number < least:
                yield f"only {number} {what} were recorded; the whole suite has more than {least}"


def main() -> int:
    findings = Findings()
    for request, answer in recordings.read(Path(sys.argv[1])):
        findings.check(request, answer)
    problems = [f"{number} times: {problem}" for problem, number in findings.problems.most_common()]
    if "--whole-suite" in sys.argv:
        problems.extend(findings.too_few())
    for problem in problems:
        print(problem, file=sys.stderr)
    services = {service for service, _ in findings.operations}
    print(
        f"conformance: {findings.requests} requests of {len(findings.operations)} operations of {len(services)} services, "
        f"{findings.answers} answers, {findings.made_up} of them made up by the proxy: {len(problems)} problems"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
