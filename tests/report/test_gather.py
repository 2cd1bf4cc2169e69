"""What is kept of a line, and that little is kept however many there are."""

from collections.abc import Callable
from typing import Any

from evenhand.logged import Unread
from evenhand.report.gather import KEPT, gather, stated_groups

Make = Callable[..., Any]


def knows(word: str) -> bool:
    return word != "zorgler"


def test_memory_does_not_grow_with_the_log(line: Make, somebody: Make) -> None:
    torn = (Unread(source="log", number=number, why="the line is no JSON") for number in range(1_000))
    lines = (
        line(somebody(f"head {n}", drawn=["woman"]), number=n, overhead_ms=n / 7, tenant=f"t{n}", route=f"r{n}")
        for n in range(3_000)
    )
    bypasses = (line(number=n, outcome="bypass") for n in range(200))
    found = gather((each for group in (torn, lines, bypasses) for each in group), lambda word: False)
    assert (found.unread_lines, len(found.unread), len(found.slowest), len(found.bypasses)) == (1_000, KEPT, KEPT, KEPT)
    assert len(found.routes.by) == 1_001
    assert [sight.id for sight in sorted(found.slowest, reverse=True)][:2] == ["d-2999", "d-2998"]
    assert found.bypasses[-1].id == "d-199"


def test_a_log_tells_which_heads_are_unknown_and_batch_output_is_asked(line: Make, somebody: Make) -> None:
    marked = line(somebody("doctor"), somebody(""), unknown=["/subjects/1/head"], masked=["/subjects/1/head/text"])
    batch = line(somebody("zorgler"), somebody("doctor"), is_log=False)
    found = gather([marked, batch], knows)
    assert (found.people.lines, found.unknown_people.lines, found.unknown_masked.lines) == (4, 2, 1)
    assert found.unknown.counts == {"zorgler": 1.0}


def test_only_a_stated_group_is_one(line: Make, somebody: Make) -> None:
    record = line(
        somebody(because=("explicit", "terms/black")), somebody(because=("period", "periods/wehrmacht")), somebody()
    ).record
    assert stated_groups(record) == {"terms/black"}


def test_a_drawn_value_of_several_images_tells_nothing_of_a_refusal(line: Make, somebody: Make) -> None:
    one = line(somebody(drawn=[["woman", "man"]]), somebody(drawn=["range"]), refused=True)
    several = line(somebody(drawn=["woman", "woman"]), rewrites=["a", "b"], refused=True)
    found = gather([one, several], knows)
    assert sorted(found.added.by) == [("man", "rewritten", "refused"), ("woman", "rewritten", "refused")]
    assert found.drawn.by[("gender", "woman")].lines == 3


def test_pointers_are_counted_by_their_pattern(line: Make) -> None:
    found = gather([line(masked=["/prompt", "/subjects/3/axes/gender/closed_by/0/text"])] * 2, knows)
    assert {key[0]: tally.lines for key, tally in found.masked.by.items()} == {
        "/prompt": 2,
        "/subjects/*/axes/*/closed_by/*/text": 2,
    }
