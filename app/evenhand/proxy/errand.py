"""From a client's body to what goes upstream: dialect.read -> judge -> dialect.write.

One body in; one body out, or one an image where the policy splits. Untouched prompts leave every byte as it was.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from evenhand.dialects.json_body import Reading, read, write
from evenhand.dialects.spec import Operation
from evenhand.errors import BodyError
from evenhand.flow import Decision, Edit, Prompt
from evenhand.proxy.headers import Pairs
from evenhand.proxy.ids import new_id
from evenhand.proxy.incoming import check_content
from evenhand.proxy.judge import faulty, judge, undecided
from evenhand.proxy.live import Live, Serving
from evenhand.proxy.meters import Meters
from evenhand.proxy.wishes import Wishes, seed_of

LARGE_BYTES = 32_768


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """`revised` holds what the answer should say was drawn: one text an image, one for all, or none."""

    bodies: tuple[bytes, ...]
    operation: Operation | None = None
    decisions: tuple[Decision, ...] = ()
    revised: tuple[str, ...] = ()

    @property
    def reads_answer(self) -> bool:
        return bool(self.revised) or len(self.bodies) > 1

    @property
    def changes_body(self) -> bool:
        return any(decision.outcome == "rewritten" for decision in self.decisions)


async def errand_of(body: bytes, pairs: Pairs, operation: Operation, live: Live, wishes: Wishes, meters: Meters) -> Errand:
    """Raises BodyError for a body that can't be read in one way, Refusal where the policy rejects on faults."""
    serving = live.serving
    policy = serving.rules.policy
    if policy.mode == "off" or (wishes.off and policy.opt_out):
        decision = undecided(serving, Prompt(text="", id=new_id("d")), "opted_out")
        meters.decisions.labels("opted_out").inc()
        return Errand(bodies=(body,), operation=operation, decisions=(decision,))
    check_content(pairs, operation.content_type)
    reading = await _read(body, operation)
    _check_length(reading, policy.limits.prompt_chars)
    asked = reading.images if _splits(serving, reading) else 1
    prompts = [
        Prompt(text=place.text, images=asked, seed=seed_of(place.text, wishes, policy, live.settings), id=new_id("d"))
        for place in reading.prompts
    ]
    decisions = tuple([await judge(serving, prompt, meters) for prompt in prompts])
    return _written(body, reading, decisions, revises=policy.revised_prompt)


def bypassed(body: bytes, operation: Operation, serving: Serving, meters: Meters) -> Errand:
    """The original after a fault; Refusal 503 where the policy says `on_error: reject`."""
    if serving.rules.policy.on_error == "reject":
        raise faulty()
    meters.decisions.labels("bypass").inc()
    return Errand(bodies=(body,), operation=operation, decisions=(undecided(serving, Prompt(text="", id=new_id("d")), "bypass"),))


async def _read(body: bytes, operation: Operation) -> Reading:
    if len(body) > LARGE_BYTES:
        return await asyncio.to_thread(read, body, operation)
    return read(body, operation)


def _check_length(reading: Reading, limit: int) -> None:
    for place in reading.prompts:
        if len(place.text) > limit:
            message = f"The prompt at '{place.token.pointer}' has {len(place.text):,} characters; at most {limit:,} are allowed."
            raise BodyError(message, pointer=place.token.pointer)


def _splits(serving: Serving, reading: Reading) -> bool:
    wanted = serving.rules.policy.images == "split" and reading.images > 1
    return wanted and reading.operation.can_split and not reading.streams


def _written(body: bytes, reading: Reading, decisions: tuple[Decision, ...], *, revises: bool) -> Errand:
    operation = reading.operation
    if not any(decision.outcome == "rewritten" for decision in decisions):
        return Errand(bodies=(body,), operation=operation, decisions=decisions)
    revised = decisions[0].texts if revises and len(decisions) == 1 and operation.revised_prompt and not reading.streams else ()
    variants = _variants(decisions)
    if len(variants) == 1 or all(variant == variants[0] for variant in variants):
        bodies: tuple[bytes, ...] = (write(body, reading, variants[0]),)
    else:
        bodies = tuple(write(body, reading, variant, images=1) for variant in variants)
    return Errand(bodies=bodies, operation=operation, decisions=decisions, revised=revised)


def _variants(decisions: Sequence[Decision]) -> list[list[tuple[Edit, ...]]]:
    """For each image, the edits of each prompt."""
    images = max(len(decision.edits) for decision in decisions if decision.outcome == "rewritten")
    return [[_edits(decision, image) for decision in decisions] for image in range(images)]


def _edits(decision: Decision, image: int) -> tuple[Edit, ...]:
    return decision.edits[image] if decision.outcome == "rewritten" else ()
