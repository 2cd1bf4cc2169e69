"""What the targets of bodies share: the shipped operations, edits that try every escape, and the bytes around prompts."""

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from evenhand.dialects.form_body import FormBody
from evenhand.dialects.json_body import JsonBody
from evenhand.dialects.load import load_dialects
from evenhand.dialects.reading import Reading
from evenhand.dialects.scan import snake
from evenhand.dialects.spec import Media, Operation
from evenhand.flow import Edit, Span

WIRE = Path(__file__).resolve().parent.parent / "tests/wire"
JSON: Media = "application/json"
FORM: Media = "multipart/form-data"
ADDED = 'Ä "\\\n\t\u2028/😀é '


@cache
def operations(media: Media) -> tuple[Operation, ...]:
    return tuple(each for dialect in load_dialects() for each in dialect.operations if media in each.content)


def chosen(data: bytes, media: Media) -> tuple[Operation, bytes]:
    """The first byte picks the operation; the rest is the body."""
    known = operations(media)
    return known[(data[0] if data else 0) % len(known)], data[1:]


def edits_of(text: str) -> list[Edit]:
    """An insertion at both ends and a replacement in the middle."""
    middle = len(text) // 2
    inner = [Edit(Span(middle, middle + 1), "x")] if len(text) > 2 else []
    return [Edit(Span(0, 0), ADDED), *inner, Edit(Span(len(text), len(text)), ADDED)]


def around(reading: Reading) -> list[bytes]:
    """The bytes before, between and behind the prompts."""
    data = reading.body.data
    places = [(0, 0), *((place.token.start, place.token.end) for place in reading.prompts), (len(data), len(data))]
    return [data[before[1] : after[0]] for before, after in pairwise(places)]


def tails(reading: Reading) -> list[str]:
    """What stands behind each prompt in its own string and is left alone."""
    body: JsonBody | FormBody = reading.body
    return [body.text(place.token)[len(place.text) :] for place in reading.prompts]


def strict_json(raw: bytes) -> Any:
    """As Python reads it; numbers stay text. Raises ValueError for what is no JSON."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(raw.decode("utf-8-sig"), parse_int=str, parse_float=str, parse_constant=refuse)


def at(document: Any, pointer: str) -> Any:
    """The value at a place, in either spelling of its keys. Raises LookupError."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            document = document[int(name)]
        else:
            document = document[name] if name in document else document[snake(name)]
    return document


def golden_requests(media: Media) -> Iterator[tuple[int, bytes, bytes]]:
    """Each recorded request of that kind: the number of its operation, its Content-Type and its body."""
    for index, operation in enumerate(operations(media)):
        for file in sorted(WIRE.glob(f"*/{operation.id}/*.http")):
            head, _, body = file.read_bytes().partition(b"\r\n\r\n")
            found = re.search(rb"(?im)^content-type:[ \t]*(.*?)\r?$", head)
            told = found[1] if found else media.encode()
            if told.startswith(media.encode()):
                yield index, told, body


def golden_answers() -> Iterator[tuple[int, bytes]]:
    for index, operation in enumerate(operations(JSON)):
        for file in sorted(WIRE.glob(f"*/{operation.id}/*.answer")):
            yield index, file.read_bytes()
