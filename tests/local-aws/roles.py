"""Gives a role its permissions boundary, which the emulator's CloudFormation drops. Its IAM then enforces it."""

from ministack.services import iam
from ministack.services.cloudformation import provisioners


def bound(make, properties):
    """The handler of CloudFormation that makes or changes a role. `properties` is the position of the new properties."""

    def made(*arguments, **more):
        result = make(*arguments, **more)
        iam._roles[result[0]]["PermissionsBoundary"] = arguments[properties].get("PermissionsBoundary")
        return result

    return made


def patch():
    handlers = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
    handlers["create"] = bound(handlers["create"], 1)
    handlers["update"] = bound(handlers["update"], 2)
