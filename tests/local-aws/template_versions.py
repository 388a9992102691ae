"""Makes CloudFormation read the version of a template that its URL names. The emulator reads the current version."""

from urllib.parse import parse_qs, urlparse

from ministack.services import s3
from ministack.services.cloudformation import helpers


def patch():
    emulators = helpers._resolve_document

    def resolve(params, body_key, url_key, label):
        url = urlparse(helpers._p(params, url_key) or "")
        version = parse_qs(url.query).get("versionId")
        if not version:
            return emulators(params, body_key, url_key, label)
        bucket, _, key = url.path.lstrip("/").partition("/")
        document = s3._get_object_data(bucket, key, version_id=version[0])
        if document is None:
            return None, helpers._error("ValidationError", f"{label} not found at {url.geturl()}")
        return document.decode(), None

    helpers._resolve_document = resolve
