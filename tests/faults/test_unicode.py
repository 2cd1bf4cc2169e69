"""Unicode that means to hide, to break or to shift: recognised or left as it is, and every byte outside of an edit stays."""

import json
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from evenhand.engine import Engine
from evenhand.flow import Decision, Prompt
from evenhand.text import splice

WIDE = {char: chr(ord(char) + 0xFEE0) for char in map(chr, range(0x21, 0x7F))}
BOLD = {chr(ord("a") + place): chr(0x1D41A + place) for place in range(26)}
CIRCLED = {chr(ord("a") + place): chr(0x24D0 + place) for place in range(26)}
CYRILLIC = str.maketrans("aceopxy", "асеорху")
GREEK = str.maketrans("aov", "αον")
JOINERS = ["\u00ad", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2060", "\ufeff"]
MARKS = ["\u0301", "\u0336", "\u0308", "\u0323", "\u20dd"]
SCRIPTS = [
    "طبيب a doctor في المدينة",
    "רופא a doctor",
    "一位 doctor 在街上",
    "ドクター a doctor",
    "डॉक्टर a doctor",
    "а doctor и a nurse",
]
EDGES = ["\ud7ff", "\ue000", "\ufffd", "\uffff", "\U0010ffff", "\U0001f600", "ﬁ", "İ", "ẞ", "ǆ", "\u1f88", "ŉ", "ΐ"]
NOUNS = ["doctor", "nurse", "engineer", "teacher"]
STATED = ["a female doctor", "a Black nurse", "an Asian woman", "a male engineer"]


def spelled(word: str, table: dict[str, str]) -> str:
    return "".join(table.get(char, char) for char in word)


def within(text: str, char: str) -> str:
    """The character inside each word."""
    return " ".join(word[:2] + char + word[2:] if len(word) > 2 else word for word in text.split())


def folding() -> Iterator[str]:
    """Forms that are the same letters by Unicode's own tables: they must be read."""
    for noun in NOUNS:
        yield from (f"a {within(noun, char)}" for char in JOINERS)
        yield from (f"a {within(noun, mark)}" for mark in MARKS)
        yield f"a {noun.upper()}"
        yield unicodedata.normalize("NFD", f"a {noun} in a café à la mode")
        yield unicodedata.normalize("NFC", f"a {noun} in a café à la mode")


def hidden() -> Iterator[str]:
    """Stated words in disguise: what they state must stay stated."""
    for text in STATED:
        yield text
        yield " ".join(spelled(word, WIDE) for word in text.split())
        yield from (within(text, char) for char in JOINERS)
        yield from (within(text, mark) for mark in MARKS[:3])
        yield text.upper()
        yield text.replace(" ", "\u00a0")
        yield text.replace(" ", "\u3000")


def odd() -> Iterator[str]:
    """Anything else: no demand but that offsets are right and nothing breaks."""
    for noun in NOUNS:
        yield f"a {noun.translate(CYRILLIC)}"
        yield f"a {noun.translate(GREEK)}"
        yield from (f"a {spelled(noun, table)}" for table in (WIDE, BOLD, CIRCLED))
    emoji = ["👩‍⚕️", "👨🏿‍🚀", "👩🏻‍🤝‍👨🏾", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇩🇪", "👋🏽", "❤️‍🔥", "☝🏿", "#️⃣", "🧑‍🦽‍➡️", "😀" * 40]
    for sign in emoji:
        yield f"{sign} a doctor"
        yield f"a doctor {sign}"
        yield f"a {sign} doctor and {sign}a nurse"
        yield f"a doctor{sign}"
    for direction in ("\u202e", "\u202d", "\u2066", "\u2067", "\u2068", "\u061c"):
        yield f"a {direction}doctor\u2069\u202c by the sea"
        yield f"{direction}rotcod a and a nurse"
    for text in (
        "طبيب a doctor في المدينة",
        "רופא a doctor",
        "一位 doctor 在街上",
        "ドクター a doctor",
        "डॉक्टर a doctor",
        "а doctor и a nurse",
    ):
        yield text
        yield text[::-1]
    for tag in ("".join(chr(0xE0000 + ord(char)) for char in "a woman"), "\U000e0001", "\U000e007f"):
        yield f"a doctor{tag}"
        yield f"{tag}a doctor and {tag}a nurse"
    for char in (
        "\ud7ff",
        "\ue000",
        "\ufffd",
        "\uffff",
        "\U0010ffff",
        "\U0001f600",
        "ﬁ",
        "İ",
        "ẞ",
        "ǆ",
        "\u1f88",
        "ŉ",
        "\u0130",
        "ΐ",
    ):
        yield f"a {char}doctor"
        yield f"{char} a doctor {char}"
    yield "a doctor" + "\u0301" * 500
    yield "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘ a doctor"
    yield "a doctor\u2028a nurse\u2029an engineer\u0085a teacher"


FOLDING, HIDDEN, ODD = list(folding()), list(hidden()), list(odd())
ALL = FOLDING + HIDDEN + ODD


def test_there_are_enough_cases() -> None:
    assert len(set(ALL)) >= 200


def check_offsets(text: str, decision: Decision) -> None:
    for subject in decision.plan.analysis.subjects:
        assert 0 <= subject.span.start <= subject.head.start < subject.head.end <= subject.span.end <= len(text)
    for finding in (finding for ruling in decision.plan.rulings for finding in ruling.closed_by):
        assert 0 <= finding.span.start <= finding.span.end <= len(text)
    for edits, rewrite in zip(decision.edits, decision.texts, strict=True):
        assert splice(text, edits) == rewrite
        for edit in edits:
            around = text[max(0, edit.span.start - 1) : edit.span.start], text[edit.span.end : edit.span.end + 1]
            assert not (around[0] and unicodedata.category(around[0]) == "Cs")
            assert not (around[1] and unicodedata.combining(around[1])), "an edit before a combining mark"


@pytest.mark.parametrize("text", ALL, ids=ascii)
def test_offsets_are_right_and_a_rewrite_is_whole(engine: Engine, text: str) -> None:
    decision = engine.decide(Prompt(text=text, seed=3))
    check_offsets(text, decision)
    assert decision.outcome in ("rewritten", "unchanged")


@pytest.mark.parametrize("text", FOLDING, ids=ascii)
def test_the_same_letters_are_read_as_such(engine: Engine, text: str) -> None:
    assert engine.decide(Prompt(text=text, seed=3)).outcome == "rewritten"


@pytest.mark.parametrize("text", HIDDEN, ids=ascii)
def test_what_is_stated_in_disguise_stays_stated(engine: Engine, text: str) -> None:
    plain = unicodedata.normalize("NFKD", text).lower()
    plain = "".join(char for char in plain if unicodedata.category(char) not in ("Cf", "Mn", "Me"))
    axis = "gender" if "male" in plain else "ethnicity"
    rulings = engine.decide(Prompt(text=text, seed=3)).plan.rulings
    assert not [ruling for ruling in rulings if ruling.axis == axis and ruling.is_open]


SURROGATES = [char for char in "😀👩🏿𝒶𐍈" if ord(char) > 0xFFFF]


def escaped(text: str) -> bytes:
    """Everything beyond ASCII as \\u escapes, pairs of surrogates included."""
    return json.dumps(text).encode()


@pytest.mark.parametrize("write", [escaped, lambda text: json.dumps(text, ensure_ascii=False).encode()], ids=["escapes", "UTF-8"])
def test_bytes_outside_of_edits_stay_end_to_end(
    run_rig: Callable[..., Any], good: Any, engine: Engine, write: Callable[[str], bytes]
) -> None:
    """Through the running sidecar: take our edits out of what arrived, and the client's bytes are left."""
    texts = [*ODD, *FOLDING[::4], *HIDDEN[::4], *(f"{char}a doctor{char}" for char in SURROGATES)]
    with run_rig(rules=engine.rules, engine=engine, upstream=good.origin) as rig:
        for number, text in enumerate(texts):
            start, end = b'{"model":"m\\u00e9", "prompt" : "', b'", "user":"' + write(text)[1:-1] + b'"}'
            answer = rig.send(start + write(text)[1:-1] + end, headers={"x-evenhand-seed": "3"})
            assert answer.status_code == 200, ascii(text)
            sent = good.receipts[number].partition(b"\r\n\r\n")[2]
            edits = [*engine.decide(Prompt(text=text, seed=3)).edits, ()][0]
            assert sent == start + spliced(text, edits, write) + end, ascii(text)


def spliced(text: str, edits: Any, write: Callable[[str], bytes]) -> bytes:
    """The client's own bytes but for the edits, whose words are plain ASCII."""
    made, at = b"", 0
    for edit in sorted(edits, key=lambda edit: edit.span.start):
        made += write(text[at : edit.span.start])[1:-1] + edit.text.encode("ascii")
        at = edit.span.end
    return made + write(text[at:])[1:-1]


@pytest.mark.parametrize(
    "body",
    [
        b'{"prompt":"a doctor \\ud800"}',
        b'{"prompt":"a doctor \\udc00"}',
        b'{"prompt":"\\udc00\\ud800 a doctor"}',
        b'{"prompt":"a doctor \\ud83d x"}',
        b'{"prompt":"a doctor \xed\xa0\x80"}',
        b'{"prompt":"a doctor \xc0\xaf"}',
        b'{"prompt":"a doctor \xf5\x80\x80\x80"}',
        b'{"prompt":"a doctor \xe2\x82"}',
    ],
)
def test_what_is_no_unicode_is_refused_and_not_sent(run_rig: Callable[..., Any], good: Any, body: bytes) -> None:
    with run_rig(upstream=good.origin) as rig:
        assert rig.send(body).status_code == 400
    assert good.receipts == []
