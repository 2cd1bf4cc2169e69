"""Requests come in; they are sent one after the other, no faster than told, until done, told to stop, or there is no sense in it.

Each answer is in the journal before the next step. What the API says of the key, the address or the rate is no answer.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Literal

from evenhand.probe.asking import Api, ask_for, client_of
from evenhand.probe.journal import Journal
from evenhand.probe.plan import Ask
from evenhand.probe.reading import Answer

LONGEST_WAIT_S = 600.0
FIRST_WAIT_S = 5.0
Why = Literal["done", "told", "budget", "key", "address", "trouble", "fields", "rate", "unreachable"]
# In a row, and of one kind: at once where it can't get better.
_MOST: dict[Why, int] = {"key": 2, "address": 1, "trouble": 5, "fields": 5, "rate": 6, "unreachable": 3}


@dataclass(slots=True)
class Pace:
    """At most `rate` requests a second; `hold` lets none go for a while."""

    rate: float
    stop: threading.Event
    _next: float = field(default_factory=time.monotonic)

    def wait(self) -> bool:
        """False where told to stop meanwhile."""
        while (left := self._next - time.monotonic()) > 0:
            if self.stop.wait(left):
                return False
        self._next = max(self._next, time.monotonic()) + 1 / self.rate
        return not self.stop.is_set()

    def hold(self, seconds: float) -> None:
        self._next = max(self._next, time.monotonic() + seconds)


@dataclass(slots=True, kw_only=True)
class Course:
    """How the sending went. `row` holds the last answers that were of one bad kind, with their keys."""

    why: Why = "done"
    detail: str = ""
    sent: int = 0
    row_kind: Why = "done"
    row: list[str] = field(default_factory=list)

    def note(self, ask: Ask, answer: Answer) -> bool:
        """True where there is no sense in going on."""
        kind = kind_of(answer)
        if kind != self.row_kind:
            self.row_kind, self.row = kind, []
        self.row.append(ask.key)
        if kind == "done" or len(self.row) < _MOST[kind]:
            return False
        self.why = kind
        self.detail = f"{answer.status or 'no answer'}{f', {answer.code}' if answer.code else ''}"
        return True


Tell = Callable[[Answer], None]


_BY_STATUS: dict[int, Why] = {401: "key", 402: "key", 403: "key", 407: "key", 404: "address", 405: "address", 429: "rate"}


def kind_of(answer: Answer) -> Why:
    """The trouble that an answer tells of; `done` where it is a good one."""
    if answer.outcome in ("drawn", "refused"):
        return "done"
    if answer.status == 0:
        return "unreachable" if answer.outcome == "again" else "trouble"
    return _BY_STATUS.get(answer.status, "fields" if 300 <= answer.status < 500 else "trouble")


def send(
    asks: Sequence[Ask], *, api: Api, journal: Journal, pace: Pace, most: int, at_once: int = 1, tell: Tell = lambda _: None
) -> Course:
    """Sends at most `most` requests, second tries included."""
    queue, course = deque(asks), Course()
    under_way: dict[Future[Answer], Ask] = {}
    with client_of(api) as client, ThreadPoolExecutor(at_once) as pool:

        def answered(ask: Ask) -> Answer:
            answer = ask_for(ask, api, client)
            if answer.outcome == "again":
                journal.again([ask.key], why=f"{answer.status} {answer.code}".strip())
            else:
                journal.answered(ask, answer)
            return answer

        while queue or under_way:
            if queue and course.why == "done" and len(under_way) < at_once:
                course.why = _may_send(course, pace, most)
            if queue and course.why == "done" and len(under_way) < at_once:
                ask = queue.popleft()
                journal.sent(ask)
                under_way[pool.submit(answered, ask)] = ask
                course.sent += 1
            if not under_way:
                break
            may_go_on = queue and course.why == "done" and len(under_way) < at_once
            for future in wait(under_way, timeout=0 if may_go_on else None, return_when=FIRST_COMPLETED).done:
                _settle(under_way.pop(future), future.result(), queue, course, pace)
                tell(future.result())
    _forget(course, journal)
    return course


def _may_send(course: Course, pace: Pace, most: int) -> Why:
    if course.sent >= most:
        return "budget"
    return "done" if pace.wait() else "told"


def _settle(ask: Ask, answer: Answer, queue: deque[Ask], course: Course, pace: Pace) -> None:
    if answer.outcome == "again":
        queue.appendleft(ask)
    asks_to_wait = answer.outcome == "error" and answer.wait_s is not None
    if course.note(ask, answer) or not (asks_to_wait or course.row_kind in ("rate", "unreachable")):
        return
    seconds = answer.wait_s if answer.wait_s is not None else FIRST_WAIT_S * 2 ** (len(course.row) - 1)
    pace.hold(seconds)
    if seconds > LONGEST_WAIT_S:
        course.why, course.detail = "rate", f"it asks to wait {seconds:,.0f} s"


def _forget(course: Course, journal: Journal) -> None:
    """An outage or a wrong field is no answer to the prompts that happened to meet it."""
    if course.why in ("trouble", "fields"):
        journal.again(course.row, why=course.why)
