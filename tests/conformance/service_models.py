"""AWS's models of its services, which botocore contains. Each is loaded only once."""

from functools import cache

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

LOADER = Loader()


@cache
def service_model(name: str) -> ServiceModel:
    """The model of the service with this name in signatures. Raises UnknownServiceError if AWS has no such service."""
    return ServiceModel(LOADER.load_service_model(name, "service-2"), name)


@cache
def operation_model(service: str, operation: str) -> OperationModel:
    """The model of an operation. Raises OperationNotFoundError if the service has no such operation."""
    return service_model(service).operation_model(operation)
