"""Byte spans of the fields of a form (RFC 7578, RFC 2046): body and boundary come in, a `Form` of `Part`s goes out.

Only headers and guarded values are ever copied, so that a file costs no memory; the time is linear in the body.
What form parsers in common use read in two ways is refused with 400. This room changes no byte.
"""

import mmap
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

from evenhand.dialects.part_head import CONTROL, KNOWN, Head, head_of, shown
from evenhand.errors import BodyError

Body = bytes | mmap.mmap
Change = tuple[int, int, bytes]

MAX_PARTS = 1000
MAX_HEADER_BYTES = 8 * 1024
MAX_BLANK_BYTES = 1024
# Starlette's limit for a field that is no file, too.
MAX_VALUE_BYTES = 1024 * 1024

# A field of this name sets the charset of the others for some parsers. RFC 7578 §4.6.
_CHARSET_FIELD = "_charset_"
_UTF8 = ("utf-8", "utf8")
# RFC 2046 §5.1.1 without the blank, at which parsers trim; the second without what must be quoted.
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=?-]{1,70}")
_PLAIN_BOUNDARY = re.compile(rb"[0-9A-Za-z'+_.-]{1,70}")
_MEDIA = re.compile(rb"[ \t]*+multipart/form-data[ \t]*+(?=;|$)", re.IGNORECASE)
_MEDIA_PARAMETER = re.compile(rb';[ \t]*+([A-Za-z0-9*_-]+)=("[^"]*"|[^";\s]+)[ \t]*+(?=;|$)')
_BLANK = re.compile(rb"(?:[ \t]*+\r\n)*+[ \t]*+")
_TEXT = re.compile(r"""text/plain[ \t]*(;[ \t]*charset=("utf-?8"|utf-?8)[ \t]*)?""", re.IGNORECASE)
_INDEX = re.compile(r"\[\d*\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A field: `start` and `end` are byte offsets of its value in the body.

    `told` is the span of the digits of its own Content-Length header, which some clients write.
    """

    name: str
    filename: str | None
    content_type: str | None
    start: int
    end: int
    told: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """`closing` is where the line break before the final delimiter stands: the place for one more part."""

    boundary: bytes
    parts: tuple[Part, ...]
    closing: int

    def named(self, name: str) -> Part | None:
        return next((part for part in self.parts if part.name == name), None)


def boundary_of(content_type: bytes) -> bytes:
    """The boundary named by the request's Content-Type. Raises BodyError where parsers may read another one, 415 for no form."""
    media = _MEDIA.match(content_type)
    if not media:
        raise BodyError(f"The Content-Type is '{shown(content_type)}'; it must be multipart/form-data.", status=415)
    found: list[bytes] = []
    at = media.end()
    while at < len(content_type):
        parameter = _MEDIA_PARAMETER.match(content_type, at)
        if not parameter:
            raise _unreadable(content_type)
        found += _boundary_in(parameter[1], parameter[2])
        at = parameter.end()
    if len(found) != 1:
        raise BodyError(f"The Content-Type has {len(found) or 'no'} boundary parameters; send exactly one.")
    return found[0]


def _boundary_in(key: bytes, value: bytes) -> list[bytes]:
    plain = value.strip(b'"')
    if key == b"boundary":
        if not (_BOUNDARY if value.startswith(b'"') else _PLAIN_BOUNDARY).fullmatch(plain):
            raise BodyError(f"The boundary '{shown(plain)}' is not 1 to 70 characters of RFC 2046; use letters, digits and '-'.")
        return [plain]
    if key.lower() != b"charset":
        raise BodyError(f"The Content-Type has the parameter '{shown(key)}'; send 'boundary' only, in small letters.")
    if plain.lower().decode("latin-1") not in _UTF8:
        raise BodyError(f"The charset is '{shown(plain)}'; send the form as UTF-8.", status=415)
    return []


def _unreadable(content_type: bytes) -> BodyError:
    return BodyError(f"The Content-Type '{shown(content_type)}' can't be read; write multipart/form-data; boundary=...")


def parse(body: Body, boundary: bytes, *, guarded: frozenset[str]) -> Form:
    """Every field in order. Raises BodyError where one parser could read a guarded field that another does not."""
    return _Parser(body, boundary, guarded | {_CHARSET_FIELD}).run()


def text_of(body: Body, part: Part) -> str:
    """The text of a guarded field of a parsed form."""
    return body[part.start : part.end].decode("utf-8")


def part_bytes(boundary: bytes, name: str, value: str) -> bytes:
    """A new text field, to be put in at `Form.closing`. `name` is one of ours: it has no quotes and no line breaks."""
    text = _fitting(boundary, name, value)
    return b'\r\n--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s' % (boundary, name.encode(), text)


def value_changes(form: Form, part: Part, value: str) -> list[Change]:
    """Byte ranges to replace so that the field says `value`, its own Content-Length included."""
    text = _fitting(form.boundary, part.name, value)
    told = [(*part.told, b"%d" % len(text))] if part.told else []
    return [*told, (part.start, part.end, text)]


def _fitting(boundary: bytes, name: str, value: str) -> bytes:
    text = value.encode("utf-8")
    if b"--" + boundary in text:
        raise BodyError(
            f"The new text of the field '{name}' holds the boundary '{shown(boundary)}'; choose a long random boundary.",
            pointer=f"/{name}",
        )
    return text


def _folded(name: str) -> str:
    """What lenient parsers may make of a name: PHP's blanks and dots, list brackets, percent signs, cases and widths."""
    plain = CONTROL.sub("", unicodedata.normalize("NFKC", name)).casefold().strip()
    return _INDEX.sub("[]", plain.replace(" ", "_").replace(".", "_"))


class _Parser:
    __slots__ = ("body", "boundary", "folded", "guarded", "needle", "seen")

    def __init__(self, body: Body, boundary: bytes, guarded: frozenset[str]) -> None:
        self.body = body
        self.boundary = boundary
        self.guarded = guarded
        self.folded = frozenset(_folded(name) for name in guarded)
        self.needle = b"--" + boundary
        self.seen: set[str] = set()

    def run(self) -> Form:
        parts: list[Part] = []
        at = self._open()
        while True:
            label = f"Part {len(parts) + 1} of the form"
            head = head_of(self._block(at, label), at=at, label=label)
            end, at = self._delimiter(head)
            parts.append(self._part(head, end))
            if self.body[at : at + 2] == b"--":
                self._epilogue(at + 2)
                return Form(boundary=self.boundary, parts=tuple(parts), closing=end)
            if len(parts) == MAX_PARTS:
                raise BodyError(f"The form has more than {MAX_PARTS} parts; send fewer.", status=413)
            at += 2

    def _open(self) -> int:
        """Past the first delimiter line."""
        first = self.body.find(self.needle)
        if first < 0:
            raise BodyError(f"The form has no line '--{shown(self.boundary)}'; use the boundary that the Content-Type names.")
        blank = _BLANK.fullmatch(self.body[: min(first, MAX_BLANK_BYTES)])
        if first > MAX_BLANK_BYTES or not blank or self.body[max(first - 2, 0) : first] not in (b"", b"\r\n"):
            raise BodyError("The form has text before its first boundary line; start with the boundary.")
        at = first + len(self.needle)
        if self.body[at : at + 2] == b"--":
            raise BodyError("The form has no part; send at least one field.")
        if self.body[at : at + 2] != b"\r\n":
            raise self._stray(first)
        return at + 2

    def _delimiter(self, head: Head) -> tuple[int, int]:
        """Where the value ends, and the place behind the boundary in the line that follows."""
        found = self.body.find(self.needle, head.end)
        if found < 0:
            raise BodyError(
                f"{head.label} does not end: the form has no final line '--{shown(self.boundary)}--'; send the whole form."
            )
        behind = found + len(self.needle)
        if (
            found < head.end + 2
            or self.body[found - 2 : found] != b"\r\n"
            or self.body[behind : behind + 2] not in (b"\r\n", b"--")
        ):
            raise self._stray(found)
        return found - 2, behind

    def _stray(self, found: int) -> BodyError:
        return BodyError(
            f"The boundary '--{shown(self.boundary)}' at byte {found} is not a line of its own, ended by CR LF;"
            " write delimiter lines exactly and choose a boundary that occurs in no part."
        )

    def _epilogue(self, at: int) -> None:
        rest = self.body[at : at + MAX_BLANK_BYTES + 1]
        if len(rest) > MAX_BLANK_BYTES or not _BLANK.fullmatch(rest):
            raise BodyError("The form has text after its final boundary line; end with the boundary.")

    def _block(self, at: int, label: str) -> bytes:
        window = self.body[at : at + MAX_HEADER_BYTES + 4]
        if window.startswith(b"\r\n"):
            raise BodyError(f'{label} has no headers; write Content-Disposition: form-data; name="...".')
        found = window.find(b"\r\n\r\n")
        stray = window.find(self.needle, 0, found if found >= 0 else len(window))
        if stray >= 0:
            raise self._stray(at + stray)
        if found < 0 and len(window) > MAX_HEADER_BYTES:
            raise BodyError(f"{label} has more than {MAX_HEADER_BYTES} bytes of headers; send fewer or shorter ones.")
        if found < 0:
            raise BodyError(f"{label} has headers without the empty line (CR LF) that ends them; send the whole form.")
        return window[:found]

    def _part(self, head: Head, end: int) -> Part:
        if head.told and int(head.fields["content-length"]) != end - head.end:
            raise BodyError(
                f"{head.label} has {end - head.end} bytes and a Content-Length of {head.fields['content-length']}; leave it out."
            )
        part = Part(
            name=head.name,
            filename=head.filename,
            content_type=head.fields.get("content-type"),
            start=head.end,
            end=end,
            told=head.told,
        )
        if self._is_guarded(part.name):
            self._check_guarded(part, head)
        return part

    def _is_guarded(self, name: str) -> bool:
        """Guarded names must be read alike by every parser: exact and once."""
        if name in self.guarded:
            if name in self.seen:
                raise BodyError(
                    f"The field '{name}' occurs twice; which one counts is ambiguous, so send it once.", pointer=f"/{name}"
                )
            self.seen.add(name)
            return True
        plain = unquote(name)
        if {_folded(plain), _folded(plain.partition("[")[0])} & self.folded:
            raise BodyError(
                f"The field '{shown(name)}' is a misspelling that some parsers accept; write it exactly as documented.",
                pointer=f"/{shown(name)}",
            )
        return False

    def _check_guarded(self, part: Part, head: Head) -> None:
        pointer = f"/{part.name}"
        if part.filename is not None:
            raise BodyError(f"{head.label} has a file name, but it is text; send it without 'filename'.", pointer=pointer)
        if part.content_type is not None and not _TEXT.fullmatch(part.content_type):
            raise BodyError(
                f"{head.label} has the Content-Type '{part.content_type}'; leave it out or send text/plain in UTF-8.",
                pointer=pointer,
            )
        if other := sorted(head.fields.keys() - KNOWN):
            raise BodyError(f"{head.label} has the header '{other[0]}'; send Content-Disposition only.", pointer=pointer)
        if part.end - part.start > MAX_VALUE_BYTES:
            raise BodyError(
                f"{head.label} is text of more than {MAX_VALUE_BYTES:,} bytes; send less.", status=413, pointer=pointer
            )
        text = self._text(part, head)
        if part.name == _CHARSET_FIELD and text.lower() not in _UTF8:
            raise BodyError(f"{head.label} sets another charset than UTF-8; leave it out.", pointer=pointer)

    def _text(self, part: Part, head: Head) -> str:
        try:
            text = text_of(self.body, part)
        except UnicodeDecodeError as fault:
            raise BodyError(
                f"{head.label} is not valid UTF-8 (byte {fault.start}); send it encoded as UTF-8.", pointer=f"/{part.name}"
            ) from None
        if "\0" in text:
            raise BodyError(f"{head.label} holds a NUL, at which some parsers stop; leave it out.", pointer=f"/{part.name}")
        return text
