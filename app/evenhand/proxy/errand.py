"""From a client's body to what goes upstream: dialect.read -> judge -> dialect.write.

One body in; one body out, or one an image where the policy splits. Untouched prompts leave every byte as it was.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evenhand.dialects.reading import Reading, read, write
from evenhand.dialects.spec import Operation, RewriterSpec
from evenhand.dialects.splice import Body, Pieces
from evenhand.errors import BodyError
from evenhand.flow import MAX_IMAGES, Decision, Edit, Prompt, Remark
from evenhand.proxy.headers import Pairs, first
from evenhand.proxy.ids import new_id
from evenhand.proxy.incoming import check_content
from evenhand.proxy.judge import faulty, judge, undecided
from evenhand.proxy.live import Serving
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.signing import signs
from evenhand.proxy.texts import weaker
from evenhand.proxy.watch.logs import log, where
from evenhand.proxy.wishes import Wishes, seed_of
from evenhand.rules.schema import Mode, PolicyFile
from evenhand.settings import Settings

LARGE_BYTES = 32_768
Variant = list[tuple[Edit, ...]]
_LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A guarded request as it came in. `can_sign` tells whether a changed body could be signed anew."""

    body: Body
    pairs: Pairs
    operation: Operation
    path: Mapping[str, str]
    wishes: Wishes
    can_sign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """`revised` holds what the answer should say was drawn: one text an image, one for all, or none.

    `originals` are the bodies as the client would have sent them, one each, where the policy sends them after a refusal.
    """

    bodies: tuple[Pieces, ...]
    operation: Operation | None = None
    policy: PolicyFile | None = None
    decisions: tuple[Decision, ...] = ()
    revised: tuple[str, ...] = ()
    originals: tuple[Pieces, ...] = ()

    @property
    def reads_answer(self) -> bool:
        return bool(self.revised) or len(self.bodies) > 1 or self.watches_drift

    @property
    def watches_drift(self) -> bool:
        """Whether to look at what the upstream says it drew, although we have nothing to write into its answer."""
        tells = self.operation is not None and self.operation.answer is not None and self.operation.answer.revised_prompt
        return bool(self.policy and self.policy.watch_drift and tells and self.decisions)

    @property
    def is_rewritten(self) -> bool:
        return any(decision.outcome == "rewritten" for decision in self.decisions)

    @property
    def changes_body(self) -> bool:
        return self.is_rewritten or any("upstream_rewriter_off" in decision.remarks for decision in self.decisions)


async def settled(asked: Asked, serving: Serving, settings: Settings, *, request_id: str = "") -> Errand:
    """`errand_of`, where a fault of ours, wherever it sits, ends as the policy says: the original goes on, or nothing does."""
    try:
        return await errand_of(asked, serving, settings)
    except (BodyError, Refusal):
        raise
    except Exception as fault:
        log.error("errand_fault", request_id=request_id, fault=where(fault))
        return bypassed(asked, serving)


async def errand_of(asked: Asked, serving: Serving, settings: Settings) -> Errand:
    """Raises BodyError for a body that can't be read in one way, Refusal where the policy rejects on faults."""
    policy = serving.policies.of(route=asked.operation.id, tenant=asked.wishes.tenant)
    if policy.mode == "off" or (asked.wishes.off and policy.opt_out):
        decision = undecided(serving, Prompt(text="", id=new_id("d")), "opted_out")
        return Errand(bodies=(Pieces(asked.body),), operation=asked.operation, policy=policy, decisions=(decision,))
    check_content(asked.pairs, asked.operation.content)
    reading = await _read(asked)
    _check_length(reading, policy.limits.prompt_chars)
    if not reading.asks_images or not reading.prompts:
        return Errand(bodies=(Pieces(asked.body),), operation=asked.operation, policy=policy)
    mode, remarks = mode_of(asked, reading, policy)
    prompts = _prompts(reading, asked.wishes, policy, settings, mode=mode)
    silenced = reading.rewriters if mode == "enforce" and policy.upstream_rewriters == "off" else ()
    if reading.rewriters:
        remarks = (*remarks, "upstream_rewriter_off" if silenced else "upstream_rewriter_on")
    decisions = [await judge(serving, prompt, policy=policy, mode=mode, remarks=remarks) for prompt in prompts]
    return _written(reading, tuple(decisions), policy, silenced)


def mode_of(asked: Asked, reading: Reading, policy: PolicyFile) -> tuple[Mode, tuple[Remark, ...]]:
    """The policy's mode, weakened where a picture may already fix who is shown, or where a signature covers the body."""
    mode = policy.mode
    remarks: list[Remark] = []
    if reading.has_input_image:
        remarks.append("input_image")
        mode = weaker(mode, policy.input_images)
    if asked.operation.signed and signs(asked.pairs) and not asked.can_sign:
        remarks.append("signed")
        mode = weaker(mode, "shadow")
    return mode, tuple(remarks)


def bypassed(asked: Asked, serving: Serving) -> Errand:
    """The original after a fault; Refusal 503 where the policy enforces and says `on_error: reject`."""
    policy = serving.policies.of(route=asked.operation.id, tenant=asked.wishes.tenant)
    if policy.on_error == "reject" and policy.mode == "enforce":
        raise faulty()
    decision = undecided(serving, Prompt(text="", id=new_id("d")), "bypass")
    return Errand(bodies=(Pieces(asked.body),), operation=asked.operation, policy=policy, decisions=(decision,))


async def _read(asked: Asked) -> Reading:
    kind = first(asked.pairs, b"content-type") or b""
    if len(asked.body) > LARGE_BYTES:
        return await asyncio.to_thread(read, asked.body, asked.operation, content_type=kind, path=asked.path)
    return read(asked.body, asked.operation, content_type=kind, path=asked.path)


def _check_length(reading: Reading, limit: int) -> None:
    for place in reading.prompts:
        if len(place.text) > limit:
            message = f"The prompt at '{place.pointer}' has {len(place.text):,} characters; at most {limit:,} are allowed."
            raise BodyError(message, pointer=place.pointer)


def _prompts(reading: Reading, wishes: Wishes, policy: PolicyFile, settings: Settings, *, mode: Mode) -> list[Prompt]:
    splits = policy.images == "split" and mode == "enforce" and reading.can_split and reading.images <= MAX_IMAGES
    # Equal texts of one request draw alike, as the two text encoders of one picture must.
    seeds: dict[str, int] = {}
    for place in reading.prompts:
        if place.text not in seeds:
            seeds[place.text] = seed_of(place.text, wishes, policy, settings, own=reading.seed)
    return [
        Prompt(
            text=place.text,
            images=reading.images if splits else 1,
            seed=seeds[place.text],
            id=new_id("d"),
        )
        for place in reading.prompts
    ]


def _written(reading: Reading, decisions: tuple[Decision, ...], policy: PolicyFile, silenced: Sequence[RewriterSpec]) -> Errand:
    if not any(decision.outcome == "rewritten" for decision in decisions):
        body = write(reading, [()] * len(decisions), silenced=silenced)
        return Errand(bodies=(body,), operation=reading.operation, policy=policy, decisions=decisions)
    variants = _variants(decisions)
    again = policy.on_refusal == "original"
    return Errand(
        bodies=_bodies(reading, variants, silenced),
        operation=reading.operation,
        policy=policy,
        decisions=decisions,
        revised=_revised(reading, decisions) if policy.revised_prompt else (),
        originals=_originals(reading, variants) if again else (),
    )


def _originals(reading: Reading, variants: Sequence[Variant]) -> tuple[Pieces, ...]:
    """What the client wrote, an image at a time where the rewrites go out so."""
    untouched: Variant = [()] * len(reading.prompts)
    if all(variant == variants[0] for variant in variants):
        return (Pieces(reading.body.data),)
    return tuple(write(reading, untouched, images=1, seed=_seed(reading.seed, index)) for index in range(len(variants)))


def _revised(reading: Reading, decisions: Sequence[Decision]) -> tuple[str, ...]:
    """Only a single prompt is what an image was drawn from."""
    answer = reading.operation.answer
    tells = answer is not None and answer.revised_prompt and not reading.streams and len(decisions) == 1
    return decisions[0].texts if tells else ()


def _bodies(reading: Reading, variants: Sequence[Variant], silenced: Sequence[RewriterSpec]) -> tuple[Pieces, ...]:
    """One body, or one an image; a fixed seed goes up by one from image to image, so that equal prompts differ."""
    if all(variant == variants[0] for variant in variants):
        return (write(reading, variants[0], silenced=silenced),)
    seeds = [_seed(reading.seed, index) for index in range(len(variants))]
    return tuple(
        write(reading, variant, images=1, seed=seed, silenced=silenced) for variant, seed in zip(variants, seeds, strict=True)
    )


def _seed(seed: int | None, index: int) -> int | None:
    if seed is None or index == 0:
        return None
    return seed + index if seed + index <= _LARGEST_SEED else seed - index


def _variants(decisions: Sequence[Decision]) -> list[Variant]:
    """For each image, the edits of each prompt."""
    images = max(len(decision.edits) for decision in decisions if decision.outcome == "rewritten")
    return [[_edits(decision, image) for decision in decisions] for image in range(images)]


def _edits(decision: Decision, image: int) -> tuple[Edit, ...]:
    return decision.edits[image] if decision.outcome == "rewritten" else ()
