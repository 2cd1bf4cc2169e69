"""Joined mentions stand for each other; what came before is known without another look at it."""

from collections.abc import Callable

from evenhand.engine.groups import Alone, Earlier, Groups
from evenhand.engine.mentions import Mention, find_mentions
from evenhand.engine.reading import Reading


def groups_of(count: int) -> Groups:
    return Groups([Mention("person", at, at, at + 1, ()) for at in range(count)])


def test_the_earliest_stands_for_all() -> None:
    groups = groups_of(6)
    for one, other in ((4, 5), (1, 3), (5, 3)):
        groups.join(one, other)
    assert [groups.find(index) for index in range(6)] == [0, 1, 2, 1, 1, 1]
    assert groups.members() == {0: [0], 1: [1, 3, 4, 5], 2: [2]}


def test_alone_as_long_as_all_are_one() -> None:
    groups = groups_of(4)
    alone = Alone(groups)
    assert alone.root() is None
    alone.add(1)
    assert alone.root() == 1
    alone.add(2)
    alone.add(3)
    assert alone.root() is None
    groups.join(0, 3)
    groups.join(1, 3)
    assert alone.root() is None
    groups.join(2, 0)
    assert alone.root() == 0


def test_what_came_before(read_text: Callable[[str], Reading]) -> None:
    reading = read_text("Marie Curie, a nurse, two doctors and a cat")
    groups = Groups(find_mentions(reading))
    earlier = Earlier(reading, groups)
    assert (earlier.latest, earlier.latest_human, earlier.names) == (-1, None, [])
    for index in range(len(groups.mentions)):
        earlier.add(index)
    assert [mention.kind for mention in groups.mentions] == ["name", "person", "person", "body"]
    assert (earlier.latest, earlier.latest_human, earlier.names, earlier.tagged) == (3, 2, [0], False)
    assert list(earlier.people()) == [2, 1, 0]
    assert [earlier.with_noun("doctors", many=many) for many in (True, False)] == [2, None]
    assert earlier.only_one(unnamed=True) is None
    groups.join(1, 2)
    assert earlier.only_one(unnamed=True) == 1
    assert earlier.only_one(unnamed=False) is None
    assert earlier.is_tags == reading.is_tags
