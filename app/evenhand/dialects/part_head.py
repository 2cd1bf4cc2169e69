"""The headers of one form field (RFC 7578 §4.2): the block before the empty line comes in, a `Head` goes out.

The grammar is narrower than the RFC's: what one parser unescapes, decodes or trims and another does not is refused.
"""

import re
from dataclasses import dataclass

from evenhand.errors import BodyError

# The only headers a guarded field may have; none of them twice.
KNOWN = frozenset({"content-disposition", "content-type", "content-transfer-encoding", "content-length"})
CONTROL = re.compile(r"[\x00-\x08\n-\x1f\x7f]")

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*+(.*?)[ \t]*")
_DISPOSITION = re.compile(r"form-data[ \t]*+(?=;|$)", re.IGNORECASE)
# No single quotes outside double ones: PHP takes them for quotes.
_PARAMETER = re.compile(r""";[ \t]*+([a-z*0-9]+)=(?:"([^"\\]*)"|([!#$%&*+.^_`|~0-9A-Za-z-]+))[ \t]*+(?=;|$)""")
_EXTENDED = re.compile(
    r""";[ \t]*+([a-z0-9]+\*)=((?i:utf-8)'[A-Za-z-]*'(?:[!#$&+.^_`|~0-9A-Za-z-]|%[0-9A-Fa-f]{2})*)[ \t]*+(?=;|$)"""
)
_TOLD = re.compile(rb"^content-length:[ \t]*([0-9]+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """`fields` are the headers by small name; `told` is the span of a Content-Length's digits, `end` where the value starts."""

    label: str
    name: str
    filename: str | None
    fields: dict[str, str]
    told: tuple[int, int] | None
    end: int


def shown(raw: bytes | str) -> str:
    """For an error message: short and printable."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    return "".join(letter if letter.isprintable() else "?" for letter in text[:200])


def head_of(block: bytes, *, at: int, label: str) -> Head:
    """`block` starts at byte `at` of the body and ends before the empty line. Raises BodyError."""
    try:
        lines = block.decode("utf-8").split("\r\n")
    except UnicodeDecodeError:
        raise BodyError(f"{label} has headers that are not UTF-8; write names and file names as UTF-8.") from None
    fields = _fields(lines, label)
    name, filename = _names(fields.get("content-disposition"), label)
    label += f", '{shown(name)}',"
    _check_fields(fields, label)
    told = _TOLD.search(block) if "content-length" in fields else None
    return Head(
        label=label,
        name=name,
        filename=filename,
        fields=fields,
        told=(at + told.start(1), at + told.end(1)) if told else None,
        end=at + len(block) + 4,
    )


def _fields(lines: list[str], label: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith((" ", "\t")):
            raise BodyError(f"{label} has a header folded over two lines; write each header in one line.")
        if CONTROL.search(line):
            raise BodyError(
                f"{label} has a bare line feed, a NUL or another control character in its headers; end lines with CR LF."
            )
        found = _HEADER.fullmatch(line)
        if not found:
            raise BodyError(f"{label} has the header '{shown(line)}', which is not 'Name: value'; write it so.")
        key = found[1].lower()
        if key in fields and key in KNOWN:
            raise BodyError(f"{label} has two {found[1]} headers; send one.")
        fields[key] = found[2]
    return fields


def _names(disposition: str | None, label: str) -> tuple[str, str | None]:
    """The name and the file name that a Content-Disposition tells."""
    start = _DISPOSITION.match(disposition or "")
    if disposition is None or not start:
        raise BodyError(f'{label} has no Content-Disposition: form-data header; write form-data; name="...".')
    found: dict[str, str] = {}
    at = start.end()
    while at < len(disposition):
        parameter = _EXTENDED.match(disposition, at) or _PARAMETER.match(disposition, at)
        if not parameter:
            raise BodyError(
                f"{label} has the Content-Disposition '{shown(disposition)}', read differently by parsers (a backslash, quote,"
                ' blank or semicolon too many, or capitals); write form-data; name="..."; filename="...".'
            )
        key = parameter[1]
        _check_parameter(key, found, label)
        found[key] = parameter[2] if parameter[2] is not None else parameter[3]
        at = parameter.end()
    _check_name(found.get("name", ""), label)
    return found["name"], found.get("filename", found.get("filename*"))


def _check_parameter(key: str, found: dict[str, str], label: str) -> None:
    if key == "name*":
        raise BodyError(f"{label} has 'name*', which forms must not use (RFC 7578); write name=\"...\" in UTF-8.")
    if key in found:
        raise BodyError(f"{label} has '{key}' twice in its Content-Disposition; send it once.")
    if key not in ("name", "filename", "filename*"):
        raise BodyError(f"{label} has '{key}' in its Content-Disposition; send only name and filename.")
    if key != "name" and "name" not in found:
        raise BodyError(f"{label} has '{key}' before its name; write name first.")


def _check_name(name: str, label: str) -> None:
    if not name:
        raise BodyError(f'{label} has no name; write form-data; name="...".')
    # Commons FileUpload (Tomcat, Spring) decodes RFC 2047 words in names.
    if "=?" in name:
        raise BodyError(f"{label} has the encoded name '{shown(name)}'; write it plainly in UTF-8.")


def _check_fields(fields: dict[str, str], label: str) -> None:
    coding = fields.get("content-transfer-encoding", "binary")
    if coding.lower() not in ("7bit", "8bit", "binary"):
        raise BodyError(f"{label} has the Content-Transfer-Encoding '{shown(coding)}'; send it as it is (binary).")
    kind = fields.get("content-type", "").lower()
    if kind.startswith(("multipart/", "message/")):
        raise BodyError(f"{label} is a form within the form ('{shown(kind)}'); send its parts one by one.")
    told = fields.get("content-length", "0")
    if not (told.isascii() and told.isdigit() and len(told) <= 12):
        raise BodyError(f"{label} has the Content-Length '{shown(told)}'; leave it out.")
