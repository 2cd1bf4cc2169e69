"""What was asked and what the API says it drew come in; the axes on which another person was drawn go out.

Gender, ethnicity and names are read by the engine, as the sidecar itself does; other axes by the words of the sets.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from evenhand.engine import Engine
from evenhand.flow import AXES, Analysis, Prompt
from evenhand.probe.plan import Ask
from evenhand.proxy.drift import drifted

Words = Mapping[str, Mapping[str, Sequence[str]]]


class Reader:
    """Remembers what it read: each prompt is asked in two halves, and in rounds."""

    def __init__(self, engine: Engine, words: Words) -> None:
        self._read = lru_cache(maxsize=4096)(lambda text: _analysis(engine, text))
        self._words = words
        self._longest = engine.rules.policy.limits.prompt_chars

    def drift(self, ask: Ask, revised: str) -> tuple[str, ...]:
        found = drifted(self._read(ask.prompt), self._read(revised[: self._longest]))
        return tuple(sorted(found | self._swapped(ask, revised)))

    def _swapped(self, ask: Ask, revised: str) -> set[str]:
        """The axis where words of other groups stand, and none of the one asked for."""
        if not ask.axis or ask.axis in AXES[:2]:
            return set()
        stated = {value for value, terms in self._words.get(ask.axis, {}).items() if _says(revised, terms)}
        return {ask.axis} if stated and ask.value not in stated else set()


def _analysis(engine: Engine, text: str) -> Analysis:
    return engine.decide(Prompt(text=text)).plan.analysis


def _says(text: str, terms: Sequence[str]) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(term)}s?(?!\w)", text, re.IGNORECASE) for term in terms)
