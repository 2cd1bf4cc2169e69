"""Any text as a prompt: spans lie inside it, edits are sorted and apart, and taking them back gives the text again."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from evenhand.engine import Engine
from evenhand.flow import Decision, Edit, Prompt
from evenhand.rules import load_rules
from evenhand.text import tokenize

PROMPTS = Path(__file__).resolve().parent.parent / "benchmarks/prompts.txt"
ODD = (
    "a doctor",
    "two nurses and a Black teacher, (masterpiece:1.2), [man|woman] <lora:x:1> --ar 16:9",
    "1girl, 2boys, solo, tired_nurse",
    "ÉLISE the ｄｏｃｔｏｒ and a d\u00ado\u200bctor, ＮＵＲＳＥ, n\u0336urse 👩🏽‍⚕️👨‍👩‍👧",
    "a man's doctor's nurses' child, 1940s German soldiers in 2022",
    '"a doctor" said the nurse; (((a group of five people))) AND {a crowd}',
    "𝐚 𝐝𝐨𝐜𝐭𝐨𝐫 ﬁreﬁghter İstanbul ǅ a nurse\u2028a judge\x85\x00\x1f",
)
WORDS = tuple(
    """a an the two and or of with her his their man woman nurse doctors people crowd someone Black Asian female 1940s in by like
    as 1girl (:1.2) [ | ] <lora:x:1> -- _ ' " , . \u00ad \u200b \u0336 👩🏽‍⚕️ \u2028 ﬁ İ ｄ - — & 's s' not no without photo statue
    of """.encode().split()
)


def seeds() -> Iterator[bytes]:
    lines = PROMPTS.read_text(encoding="utf-8").splitlines()
    yield from (bytes([index % 10, index]) + line.encode() for index, line in enumerate([*ODD, *lines[:60]]))


@cache
def engine() -> Engine:
    return Engine(load_rules(), cache_bytes=0)


def run(data: bytes) -> None:
    """The first byte gives the number of images, the second the seed."""
    images, seed = (data[0] % 10 + 1, data[1]) if len(data) > 1 else (1, 0)
    prompt = Prompt(text=data[2:].decode("utf-8", "replace"), images=images, seed=seed)
    check(engine().decide(prompt))


def check(decision: Decision) -> None:
    prompt = decision.plan.analysis.prompt
    end = len(prompt.text)
    for subject in decision.plan.analysis.subjects:
        spans = [subject.span, subject.head, *(finding.span for finding in subject.findings)]
        assert all(0 <= span.start <= span.end <= end for span in spans), subject
        assert subject.span.start <= subject.head.start < subject.head.end <= subject.span.end, subject
        assert all(0 <= slot <= end for slot in subject.slots.values()), subject
    assert all(0 <= note.span.start <= note.span.end <= end for note in decision.plan.analysis.notes)
    assert len(decision.texts) == len(decision.edits) in (0, prompt.images)
    for text, edits in zip(decision.texts, decision.edits, strict=True):
        check_edits(edits, end)
        assert undone(prompt.text, text, edits) == prompt.text
    tokens = tokenize(prompt.text)
    assert len(decision.plan.rulings) <= 3 * (len(tokens) + 1), "more is ruled on than there are words"


def check_edits(edits: Sequence[Edit], end: int) -> None:
    at = 0
    for edit in edits:
        assert at <= edit.span.start <= edit.span.end <= end, edits
        at = edit.span.end


def undone(before: str, after: str, edits: Sequence[Edit]) -> str:
    """The rewritten text with every edit taken back, from the last to the first."""
    moved = sum(len(edit.text) - (edit.span.end - edit.span.start) for edit in edits)
    for edit in reversed(edits):
        moved -= len(edit.text) - (edit.span.end - edit.span.start)
        start = edit.span.start + moved
        assert after[start : start + len(edit.text)] == edit.text
        after = after[:start] + before[edit.span.start : edit.span.end] + after[start + len(edit.text) :]
    return after
