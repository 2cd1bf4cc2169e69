"""Everything that can go wrong, as sentences naming the thing, the value and the fix.

EvenhandError
+-- RuleError       rules that can't be used; carries every problem found (start refuses, reload keeps the old)
+-- SettingsError   a setting that can't be used (exit code 2)
+-- BodyError       a request body that can't be read unambiguously (400, 408, 413, 415 or 503)
+-- UpstreamError   the image API can't be reached or broke off; `sent` tells whether bytes went out
"""

import re
from dataclasses import dataclass

_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault in one file; line and column count from 1; `excerpt` is the offending line, `width` the caret's length."""

    path: str
    line: int
    column: int
    message: str
    excerpt: str = ""
    width: int = 1
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}: {_plain(self.message)}"
        if not self.excerpt:
            return place
        gutter = f"{self.line:>5} | "
        caret = " " * (len(gutter) + self.column - 1) + "^" * max(self.width, 1)
        hint = f"\n      = {_plain(self.hint)}" if self.hint else ""
        return f"{place}\n{gutter}{_plain(self.excerpt)}\n{caret}{hint}"


def _plain(text: str) -> str:
    """What could steer a terminal, or turn its text around, becomes a question mark; the length stays."""
    return _STEERING.sub("?", text)


class EvenhandError(Exception):
    """The root; its text may be shown to an operator."""


class RuleError(EvenhandError):
    """`problems` is sorted by file and line and never empty."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SettingsError(EvenhandError):
    """A setting, flag or environment variable that can't be used."""


class BodyError(EvenhandError):
    """`status` is the HTTP status that tells it; `pointer` names the place in the body."""

    def __init__(self, message: str, *, status: int = 400, pointer: str = "") -> None:
        self.status = status
        self.pointer = pointer
        super().__init__(message)


class UpstreamError(EvenhandError):
    """`sent` is False only where it is certain that no byte of the request reached the upstream."""

    def __init__(self, message: str, *, status: int, sent: bool) -> None:
        self.status = status
        self.sent = sent
        super().__init__(message)
