"""A local AWS (ministack) with a clock that can be moved. It ends together with its owner.

Each line on standard input is a number of seconds. From then on, the clock differs from the real time by this number.
The answer is a line on standard output. Standard input closes when the owner has finished or died. Then this process and
everything that it started end.
"""

import os
import signal
import sys
import threading
import time

import time_machine

# Standard output is only for answers. All other output goes to the log.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

# The owner's end of the pipe is the only thing that keeps this group of processes alive.
os.setpgrp()

# Only time.time() is moved. time.monotonic() is not, so the real time can be calculated from it.
REAL_TIME_AT_MONOTONIC_ZERO = time.time() - time.monotonic()

traveller = None


def travel(seconds: float) -> None:
    """Set the clock to the real time plus `seconds`."""
    global traveller
    if traveller is not None:
        traveller.stop()
    real_now = REAL_TIME_AT_MONOTONIC_ZERO + time.monotonic()
    traveller = time_machine.travel(real_now + seconds, tick=True)
    traveller.start()


def authorize_on_the_users_own_arn() -> None:
    """AWS authorizes GetAccessKeyLastUsed on the user of the key, but the emulator on everything. In AWS the ARN of a user
    includes its path, which the emulator leaves out."""
    from ministack.core import iam_actions
    from ministack.services import iam

    emulators = iam_actions.extract_resource_arn

    def extract_resource_arn(service, method, path, headers, body, query_params, region, account_id):
        arn = emulators(service, method, path, headers, body, query_params, region, account_id)
        if service == "iam" and arn == "*":
            key = iam._access_keys.get(iam_actions._query_param(query_params, "AccessKeyId"))
            if key:
                arn = f"arn:aws:iam::{account_id}:user/{key['UserName']}"
        if service == "iam" and f"::{account_id}:user/" in arn:
            user = iam._users.get(arn.rpartition("/")[2])
            return user["Arn"] if user else arn
        return arn

    iam_actions.extract_resource_arn = extract_resource_arn


def obey() -> None:
    for line in sys.stdin:
        travel(float(line))
        print("ok", file=answers, flush=True)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=obey, daemon=True).start()
    from ministack.app import main

    import access_keys
    import credential_report
    import event_buses
    import event_sources
    import function_logs
    import new_roles
    import organization
    import roles
    import schedules
    import secrets_manager
    import stack_sets
    import template_versions
    import topics

    authorize_on_the_users_own_arn()
    access_keys.patch()
    credential_report.patch()
    event_buses.patch()
    event_sources.patch()
    function_logs.patch()
    new_roles.patch()
    organization.patch()
    roles.patch()
    schedules.patch()
    secrets_manager.patch()
    stack_sets.patch()
    template_versions.patch()
    topics.patch()

    sys.argv = ["ministack"]
    main()
