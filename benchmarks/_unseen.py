"""Many different prompts of one length: drawn from the training grammar, filled with the tags people hang on, kept in a file.

One JSON-escaped text a line, two words short: the load adds ", take N", so that no request repeats an earlier one.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path

from _machine import HERE
from _prompts import TAGS, piece

TAKE_WORDS = 2
WORK = HERE / ".work"


def unseen_file(words: int, *, count: int = 20_000) -> Path:
    path = WORK / f"prompts-{words}-{count}.txt"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        lines = (json.dumps(text)[1:-1] for text in unseen(words - TAKE_WORDS, count=count))
        path.write_text("\n".join(lines), encoding="ascii")
    return path


def unseen(words: int, *, count: int) -> Iterator[str]:
    """`count` different texts of exactly so many words, as whitespace splits them."""
    dice = random.Random(f"unseen/{words}")
    seen: set[str] = set()
    drawn = (text for seed in range(1_000_000) for text in piece(seed))
    while len(seen) < count:
        text = filled(drawn, words, dice)
        if text not in seen:
            seen.add(text)
            yield text


def filled(drawn: Iterator[str], words: int, dice: random.Random) -> str:
    """One drawn prompt, or several where one would be less than half of it; then tags; what is too long is cut."""
    text = next(drawn)
    while len(text.split()) < words / 2:
        text = f"{text}, {next(drawn)}"
    while len(text.split()) < words:
        text = f"{text}, {dice.choice(dice.choice(TAGS))}"
    return " ".join(text.split()[:words])
