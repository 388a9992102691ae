"""AWS's models of its services, which botocore contains. Each is loaded only once."""

from functools import cache

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

LOADER = Loader()

# The names of models that differ from the name of the service in signatures.
MODELS = {"monitoring": "cloudwatch"}

# The protocols that the other modules read.
UNDERSTOOD = ("query", "json", "rest-json", "rest-xml")


@cache
def service_model(name: str) -> ServiceModel:
    """The model of the service with this name in signatures. Raises UnknownServiceError if AWS has no such service."""
    model = LOADER.load_service_model(MODELS.get(name, name), "service-2")
    metadata = model["metadata"]
    if metadata["protocol"] not in UNDERSTOOD:
        # CloudWatch speaks several protocols. `synth` uses JSON.
        protocol = next(protocol for protocol in metadata["protocols"] if protocol in UNDERSTOOD)
        model = {**model, "metadata": {**metadata, "protocol": protocol}}
    return ServiceModel(model, name)


@cache
def operation_model(service: str, operation: str) -> OperationModel:
    """The model of an operation. Raises OperationNotFoundError if the service has no such operation."""
    return service_model(service).operation_model(operation)
