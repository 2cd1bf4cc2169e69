"""Replacing byte ranges of a body: only what changes is copied; the rest stays where it is.

A body may be a file of many megabytes mapped into memory; nothing here reads it whole.
"""

import mmap
from collections.abc import Iterable, Iterator, Sequence

Body = bytes | mmap.mmap
Change = tuple[int, int, bytes]
_STEP = 262_144


class Pieces:
    """A body with changes: its length is known, and it can be sent piece by piece."""

    __slots__ = ("_body", "_changes", "_length")

    def __init__(self, body: Body, changes: Iterable[Change] = ()) -> None:
        """`changes` replace ranges that do not overlap; insertions at one place keep their order."""
        self._body = body
        self._changes: Sequence[Change] = sorted(changes, key=lambda change: change[:2])
        self._length = len(body) + sum(len(new) - (end - start) for start, end, new in self._changes)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        at = 0
        for start, end, new in self._changes:
            yield from self._kept(at, start)
            if new:
                yield new
            at = end
        yield from self._kept(at, len(self._body))

    def __bytes__(self) -> bytes:
        return self._body if isinstance(self._body, bytes) and not self._changes else b"".join(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pieces | bytes) and bytes(self) == bytes(other)

    __hash__ = None  # type: ignore[assignment]

    def _kept(self, start: int, end: int) -> Iterator[bytes]:
        for at in range(start, end, _STEP):
            yield self._body[at : min(at + _STEP, end)]
