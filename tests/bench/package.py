"""The sizes of the packages that Lambda would get."""

import io
import zipfile
from pathlib import Path

BASELINE = Path(__file__).with_name("baseline.py")
LIBRARIES = ["boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3"]


def baseline():
    """The package that uses the boto3 of Lambda's Python runtime."""
    return zipped([BASELINE])


def baseline_with_boto3(environment):
    """The package with its own boto3, from this virtual environment. As usual, it has only sources."""
    folder = next(environment.glob("lib/python*/site-packages"))
    files = (file for name in LIBRARIES for file in [folder / name, *(folder / name).rglob("*")])
    return zipped([BASELINE, *(file for file in files if file.is_file() and file.suffix != ".pyc")])


def zipped(files):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as package:
        for file in files:
            package.write(file)
    return len(archive.getvalue())
