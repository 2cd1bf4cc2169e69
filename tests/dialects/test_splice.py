"""Replacing ranges of a body: length, order, pieces of large bodies, maps of files."""

import mmap
import tempfile

import pytest

from evenhand.dialects.splice import Change, Pieces


@pytest.mark.parametrize(
    ("body", "changes", "written"),
    [
        (b"abc", [], b"abc"),
        (b"", [(0, 0, b"x")], b"x"),
        (b"abc", [(1, 2, b"")], b"ac"),
        (b"abc", [(3, 3, b"d"), (0, 1, b"AA")], b"AAbcd"),
        (b"abc", [(1, 1, b"1"), (1, 1, b"2")], b"a12bc"),
    ],
)
def test_changes(body: bytes, changes: list[Change], written: bytes) -> None:
    pieces = Pieces(body, changes)
    assert (bytes(pieces), len(pieces), b"".join(pieces)) == (written, len(written), written)


def test_a_mapped_file_is_sent_in_pieces() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * 1_000_000)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            pieces = Pieces(mapped, [(500_000, 500_001, b"yy")])
            assert max(len(piece) for piece in pieces) < 300_000
            assert bytes(pieces) == b"x" * 500_000 + b"yy" + b"x" * 499_999


def test_equality_is_of_bytes() -> None:
    assert Pieces(b"ab") == b"ab"
    assert Pieces(b"ab") == Pieces(b"a", [(1, 1, b"b")])
    assert Pieces(b"ab") != b"a"
