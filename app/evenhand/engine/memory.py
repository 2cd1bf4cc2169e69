"""Analyses of the latest prompts, by text and by what of the policy they hang on. Bounded in bytes and in number; safe in
threads.

An analysis is found again for any seed and any number of images: those enter when values are drawn.
"""

import sys
import threading
from collections import OrderedDict
from dataclasses import replace

from evenhand.flow import Analysis, Prompt
from evenhand.rules.schema import PolicyFile

MOST_ANALYSES = 16_384
LARGEST_SHARE = 8  # what would fill an eighth of the memory is not kept
# Bytes in memory, measured over the test prompts and rounded up.
BYTES, SUBJECT_BYTES, FINDING_BYTES, NOTE_BYTES = 600, 700, 200, 200
Key = tuple[str, int]


class AnalysisMemory:
    """Forgets what was asked for the longest time ago."""

    def __init__(self, *, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._used_bytes = 0
        self._kept: OrderedDict[Key, tuple[Analysis, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def used_bytes(self) -> int:
        return self._used_bytes

    def find(self, prompt: Prompt, policy: PolicyFile) -> Analysis | None:
        """The analysis of this text, made out to this prompt."""
        key = _key(prompt, policy)
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
        return replace(found[0], prompt=prompt)

    def keep(self, analysis: Analysis, policy: PolicyFile) -> None:
        weight = weight_bytes(analysis)
        if weight * LARGEST_SHARE > self._size_bytes:
            return
        key = _key(analysis.prompt, policy)
        with self._lock:
            self._used_bytes += weight - self._kept.pop(key, (analysis, 0))[1]
            self._kept[key] = (analysis, weight)
            while self._used_bytes > self._size_bytes or len(self._kept) > MOST_ANALYSES:
                self._used_bytes -= self._kept.popitem(last=False)[1][1]


def _key(prompt: Prompt, policy: PolicyFile) -> Key:
    """Everything that `analyse` reads of a prompt and a policy."""
    return prompt.text, policy.historical_until


def weight_bytes(analysis: Analysis) -> int:
    findings = sum(len(subject.findings) for subject in analysis.subjects)
    return (
        BYTES
        + sys.getsizeof(analysis.prompt.text)
        + SUBJECT_BYTES * len(analysis.subjects)
        + FINDING_BYTES * findings
        + NOTE_BYTES * len(analysis.notes)
    )
