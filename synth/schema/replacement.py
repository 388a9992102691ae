"""Prints which properties of which resource types replace the resource when they change.

The facts are those of the official resource schemas, createOnlyProperties and conditionalCreateOnlyProperties, as the
installed cfn-lint carries them. One line a type: its name, then the paths of its properties; `?` before a path means that
only some changes replace, `*` in a path is any item of a list or map. A type without such properties has a line too: it is known.

Write the table anew after an update of cfn-lint:
  .venv/bin/python synth/schema/replacement.py > synth/schema/replacement.txt
"""

import json
from pathlib import Path

import cfnlint

SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"


def path(pointer: str) -> str:
    """/properties/Export/items/properties/Name is Export/*/Name."""
    steps = pointer.strip("/").split("/")
    steps = ["*" if step in ("items", "*") else step for step in steps if step != "properties"]
    return "/".join(steps)


def table() -> dict[str, list[str]]:
    types = {}
    # A type may exist in some Regions only.
    for region in sorted(SCHEMAS.joinpath("providers").glob("*.json")):
        if region.stem != "sam":
            types |= json.loads(region.read_text())
    lines = {}
    for name, schema in types.items():
        schema = json.loads(SCHEMAS.joinpath("resources", f"{schema}.json").read_text())
        always = {path(pointer) for pointer in schema.get("createOnlyProperties", [])}
        sometimes = {path(pointer) for pointer in schema.get("conditionalCreateOnlyProperties", [])} - always
        lines[name] = sorted(always) + sorted("?" + path for path in sometimes)
    return lines


if __name__ == "__main__":
    for name, paths in sorted(table().items()):
        print(name, *paths)
