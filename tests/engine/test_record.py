"""A decision on the wire is DESIGN.md's form, word for word, and plain JSON."""

import json
from dataclasses import replace

import pytest

from evenhand.engine import Engine
from evenhand.engine.record import record
from evenhand.flow import Prompt
from evenhand.rules import Ruleset

TEXT = "a nurse and a Black teacher in a classroom"
KEYS = ["id", "revision", "outcome", "language", "seed", "prompt", "rewrites", "subjects", "edits", "notes", "overhead_ms"]


def test_the_form_of_a_decision(small_engine: Engine, village: Ruleset) -> None:
    decision = replace(small_engine.decide(Prompt(text=TEXT, seed=7, id="d-1")), overhead_ms=0.90049)
    ethnicity, genders = (
        [draw.values[0] for draw in decision.draws[0] if draw.ruling.axis == axis] for axis in ("ethnicity", "gender")
    )
    assert record(decision, village) == {
        "id": "d-1",
        "revision": village.revision,
        "outcome": "rewritten",
        "language": "en",
        "seed": 7,
        "prompt": TEXT,
        "rewrites": list(decision.texts),
        "subjects": [
            {
                "text": "a nurse",
                "start": 0,
                "end": 7,
                "head": {"text": "nurse", "start": 2, "end": 7},
                "count": "one",
                "number": 1,
                "axes": {
                    "gender": {"state": "open", "closed_by": [], "drawn": [genders[0]]},
                    "ethnicity": {"state": "open", "closed_by": [], "drawn": ethnicity},
                },
            },
            {
                "text": "a Black teacher",
                "start": 12,
                "end": 27,
                "head": {"text": "teacher", "start": 20, "end": 27},
                "count": "one",
                "number": 1,
                "axes": {
                    "gender": {"state": "open", "closed_by": [], "drawn": [genders[1]]},
                    "ethnicity": {
                        "state": "closed",
                        "drawn": [],
                        "closed_by": [
                            {
                                "reason": "explicit",
                                "rule": "terms/black",
                                "text": "Black",
                                "start": 14,
                                "end": 19,
                                "why": "Because.",
                            }
                        ],
                    },
                },
            },
        ],
        "edits": [[{"start": edit.span.start, "end": edit.span.end, "text": edit.text} for edit in decision.edits[0]]],
        "notes": [],
        "overhead_ms": 0.9,
    }


def test_the_keys_and_their_order(small_engine: Engine, village: Ruleset) -> None:
    told = record(small_engine.decide(Prompt(text=TEXT, id="d-1")), village)
    assert list(told) == KEYS
    assert list(told["subjects"][0]) == ["text", "start", "end", "head", "count", "number", "axes"]


def test_ref_and_replaced_stand_only_where_they_say_something(small_engine: Engine, village: Ruleset) -> None:
    narrowed = small_engine.decide(Prompt(text="a person"))
    assert {"ref": "x", "replaced": True}.items() <= record(narrowed, village, ref="x").items()
    assert not {"ref", "replaced"} & set(record(small_engine.decide(Prompt(text="a nurse")), village))


DRAWN = [
    ("a nurse", 2, 1, False),
    ("two nurses", 2, 2, True),
    ("a crowd", 3, 1, False),
    ("seven nurses", 1, 1, False),
]


@pytest.mark.parametrize(("text", "images", "people", "is_list"), DRAWN)
def test_one_entry_an_image_and_one_value_a_person(
    small_engine: Engine, village: Ruleset, text: str, images: int, people: int, is_list: bool
) -> None:
    told = record(small_engine.decide(Prompt(text=text, images=images)), village)
    drawn = told["subjects"][0]["axes"]["gender"]["drawn"]
    assert len(drawn) == len(told["rewrites"]) == len(told["edits"]) == images
    assert all((isinstance(each, list) and len(each) == people) if is_list else isinstance(each, str) for each in drawn)


NOTES = [
    ("white wine on Black Friday", [("collocation", "white wine", 0, 10), ("collocation", "Black Friday", 14, 26)]),
    ("statue of a soldier", [("body", "soldier", 12, 19)]),
    ("no people", [("negation", "people", 3, 9)]),
    ('a sign that says "Nurse wanted"', [("quoted", '"Nurse wanted"', 17, 31)]),
    ("a road, art by Greg Rutkowski", [("source", "Greg Rutkowski", 15, 29)]),
]


@pytest.mark.parametrize(("text", "notes"), NOTES)
def test_notes_tell_what_looked_like_somebody(
    small_engine: Engine, village: Ruleset, text: str, notes: list[tuple[str, str, int, int]]
) -> None:
    told = record(small_engine.decide(Prompt(text=text)), village)
    assert [(note["kind"], note["text"], note["start"], note["end"]) for note in told["notes"]] == notes
    assert all("/" in note["rule"] for note in told["notes"])
    assert (told["outcome"], told["rewrites"], told["edits"]) == ("unchanged", [], [])


AWKWARD = [
    "",
    "a t\u200beacher \U0001f469\U0001f3fe\u200d\U0001f692",
    "\u533b\u8005",
    'a "nurse"\n\tand a chef',
    "Elon Musk",
    "me",
    "a\x00doctor",
    "\ud83d",
]


@pytest.mark.parametrize("text", AWKWARD)
def test_records_are_plain_json(small_engine: Engine, village: Ruleset, text: str) -> None:
    told = record(small_engine.decide(Prompt(text=text, images=2)), village)
    assert json.loads(json.dumps(told)) == told


def test_offsets_are_code_points_of_the_prompt(small_engine: Engine, village: Ruleset) -> None:
    text = "\U0001f469\U0001f3fe\u200d\U0001f692 caf\u00e9, a Bl\u00adack t\u200beacher, ALL CAPS NURSE"
    told = record(small_engine.decide(Prompt(text=text)), village)
    for subject in told["subjects"]:
        assert text[subject["start"] : subject["end"]] == subject["text"]
        assert text[subject["head"]["start"] : subject["head"]["end"]] == subject["head"]["text"]
        for axis in subject["axes"].values():
            assert all(text[each["start"] : each["end"]] == each["text"] for each in axis["closed_by"])
    assert [subject["head"]["text"] for subject in told["subjects"]] == ["t\u200beacher", "NURSE"]


def test_every_reason_of_a_shipped_rule_says_why(shipped: Ruleset, engine: Engine) -> None:
    told = record(
        engine.decide(Prompt(text="a Black teacher, my wife and a nun in Lagos in 1943, Elon Musk waving at her")), shipped
    )
    closers = [each for subject in told["subjects"] for axis in subject["axes"].values() for each in axis["closed_by"]]
    assert closers
    assert [each for each in closers if not each["why"]] == []
