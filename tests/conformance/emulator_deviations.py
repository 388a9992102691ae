"""Answers of the emulator itself that differ from AWS's models. Our own patches and the proxy may not differ.

Each is a pattern of a problem.
"""

import regex

DEVIATIONS = [
    # An absent description is returned as an empty one.
    r"answer of DescribeStacks\.Stacks\[\]\.Description: the length 0 is less than 1",
    r"answer of DescribeChangeSet\.Description: the length 0 is less than 1",
    # Only the list of change sets has the type.
    r"answer of DescribeChangeSet: the model has no element ChangeSetType",
    # The events of a stack itself. AWS gives these statuses too, and its model lacks them.
    r"answer of DescribeStackEvents\.StackEvents\[\]\.ResourceStatus: '(REVIEW_IN_PROGRESS|UPDATE_\w+_CLEANUP_IN_PROGRESS)' is none of .*",
]


def is_known(problem: str) -> bool:
    return any(regex.fullmatch(pattern, problem) for pattern in DEVIATIONS)
