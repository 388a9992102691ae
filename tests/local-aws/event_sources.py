"""Makes CloudFormation refuse an event source mapping that Lambda refuses: the function's role may not read the queue, or a
message would be handed out again while the function still works on it."""

from ministack.core import iam_evaluator
from ministack.core.arn import parse_arn
from ministack.services import lambda_svc, sqs
from ministack.services.cloudformation import provisioners

from organization import context

# AWS Lambda Developer Guide: "Using Lambda with Amazon SQS", permissions.
ACTIONS = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]


def refusal(properties):
    """Why Lambda refuses a mapping. None if it accepts it."""
    queue = properties["EventSourceArn"]
    _, config, _ = lambda_svc._get_func_record_for_ref(properties["FunctionName"])
    role = parse_arn(config["Role"])
    name = role.resource.rpartition("/")[2]
    policies = iam_evaluator._gather_role_policies(name, role.account_id)
    for action in ACTIONS:
        request = context(f"sqs:{action}", queue, f"arn:aws:sts::{role.account_id}:assumed-role/{name}/lambda")
        if iam_evaluator.evaluate(request, policies).decision != "Allow":
            return f"The provided execution role does not have permissions to call {action} on SQS"
    visible_after = int(sqs._queue_by_arn(queue)["attributes"]["VisibilityTimeout"])
    if visible_after < config["Timeout"]:
        return f"Queue visibility timeout: {visible_after} seconds is less than Function timeout: {config['Timeout']} seconds"
    return None


def patch():
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    create = handlers["create"]

    def create_if_accepted(logical_id, properties, stack_name):
        if why := refusal(properties):
            raise ValueError(why)
        return create(logical_id, properties, stack_name)

    handlers["create"] = create_if_accepted
