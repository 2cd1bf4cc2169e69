"""Form request bodies (multipart/form-data): the same questions and answers as a JSON body, a field at a time.

A field's value is text as it stands; files are never looked at, and their bytes never copied.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evenhand.dialects.multipart import Form, Part, boundary_of, parse, part_bytes, text_of, value_changes
from evenhand.dialects.scan import Token
from evenhand.dialects.spec import Operation, Scalar
from evenhand.dialects.splice import Body, Change
from evenhand.flow import Edit
from evenhand.text import splice


@dataclass(frozen=True, slots=True)
class FormBody:
    """A form and its wanted fields by pointer ("/prompt"), in the order of the form."""

    data: Body
    form: Form
    values: Mapping[str, Token]

    @classmethod
    def of(cls, data: Body, content_type: bytes, operation: Operation) -> "FormBody":
        """Raises BodyError where the form can't be read in exactly one way."""
        guarded = frozenset(operation.wanted.children) - _files(operation)
        form = parse(data, boundary_of(content_type), guarded=guarded)
        wanted = frozenset(operation.wanted.children)
        return cls(data, form, {f"/{part.name}": _token(part) for part in form.parts if part.name in wanted})

    def text(self, token: Token) -> str:
        return text_of(self.data, self._part(token))

    def scalar(self, token: Token) -> Scalar:
        """What a form says is text; that of a number or of true and false counts as such."""
        text = self.text(token)
        try:
            value = json.loads(text)
        except ValueError:
            return text
        return value if isinstance(value, int | float | bool) else text

    def edited(self, token: Token, text: str, edits: Sequence[Edit]) -> list[Change]:
        """The field's value anew, and its own Content-Length where it tells one. Raises BodyError where it holds the boundary.

        `text` may be only the start of the value; the rest stays.
        """
        rest = self.text(token)[len(text) :]
        return value_changes(self.form, self._part(token), splice(text, edits) + rest) if edits else []

    def can_set(self, pointer: str) -> bool:
        return True

    def setting(self, values: Mapping[str, Scalar]) -> list[Change]:
        return [change for pointer, value in values.items() for change in self._set(pointer, value)]

    def _set(self, pointer: str, value: Scalar) -> list[Change]:
        said = value if isinstance(value, str) else json.dumps(value)
        if token := self.values.get(pointer):
            return value_changes(self.form, self._part(token), said)
        new = part_bytes(self.form.boundary, pointer.removeprefix("/"), said)
        return [(self.form.closing, self.form.closing, new)]

    def _part(self, token: Token) -> Part:
        return next(part for part in self.form.parts if part.start == token.start)


def _files(operation: Operation) -> frozenset[str]:
    """The fields that hold pictures."""
    return frozenset(place.split("/")[1] for place in operation.pictures if isinstance(place, str))


def _token(part: Part) -> Token:
    return Token(f"/{part.name}", "string", part.start, part.end)
