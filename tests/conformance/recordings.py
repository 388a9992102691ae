"""Reads what the proxies recorded (`tests/src/recording.rs`)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Request:
    service: str
    method: str
    target: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Answer:
    author: str
    status: int
    headers: dict[str, str]
    body: str


def read(folder: Path) -> Iterator[tuple[Request, Answer | None]]:
    """Each recorded request, and its answer if it got one."""
    for file in sorted(folder.glob("*.jsonl")):
        with file.open() as lines:
            for line in lines:
                recorded = json.loads(line)
                answer = recorded.pop("answer")
                yield Request(**recorded), Answer(**answer) if answer else None
