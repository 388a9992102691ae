"""Adds what the emulator's access keys lack: the quota of two keys for each user, and an error for an unknown user."""

from ministack.services import iam

QUOTA = 2


def patch():
    create, list_keys = iam._IAM_HANDLERS["CreateAccessKey"], iam._IAM_HANDLERS["ListAccessKeys"]

    def create_within_quota(parameters):
        user = iam._p(parameters, "UserName")
        if sum(key["UserName"] == user for key in iam._access_keys.values()) >= QUOTA:
            return iam._error(409, "LimitExceeded", f"Cannot exceed quota for AccessKeysPerUser: {QUOTA}", ns="iam")
        return create(parameters)

    def list_of_known_user(parameters):
        user = iam._p(parameters, "UserName")
        if user not in iam._users:
            return iam._error(404, "NoSuchEntity", f"The user with name {user} cannot be found.", ns="iam")
        return list_keys(parameters)

    iam._IAM_HANDLERS |= {"CreateAccessKey": create_within_quota, "ListAccessKeys": list_of_known_user}
