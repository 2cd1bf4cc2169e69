"""A bare text in, a decision out, told to the ledger: what `POST /rewrite` and the plug-ins of other gateways share.

No body is read or written here, and nothing is sent on.
"""

from dataclasses import dataclass
from time import time

from evenhand.flow import Decision, Prompt, Remark
from evenhand.proxy.ids import new_id
from evenhand.proxy.judge import judge
from evenhand.proxy.live import Live, Serving
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.watch.ledger import Entry
from evenhand.proxy.wishes import Wishes, seed_of
from evenhand.rules.schema import Mode, PolicyFile

_STRENGTH: tuple[Mode, ...] = ("off", "shadow", "enforce")


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What the ledger is told beside a decision; see `ledger.Entry`."""

    route: str
    tenant: str = ""
    ref: str | None = None
    request_id: str = ""
    remarks: tuple[Remark, ...] = ()


async def decided(
    text: str,
    live: Live,
    serving: Serving,
    *,
    wishes: Wishes,
    policy: PolicyFile,
    note: Noted,
    mode: Mode | None = None,
    images: int = 1,
) -> Decision:
    """`serving` is the revision that the whole request is decided by, whatever comes into service meanwhile.

    Raises Refusal 400 for a text that is too long, 503 for a fault of ours where the policy says `on_error: reject`.
    """
    _check_length(text, policy)
    prompt = Prompt(text=text, images=images, seed=seed_of(text, wishes, policy, live.settings), id=new_id("d"))
    off = wishes.off and policy.opt_out
    decision = await judge(serving, prompt, policy=policy, mode="off" if off else mode or policy.mode, remarks=note.remarks)
    live.ledger.note(
        Entry(
            decision=decision,
            rules=serving.rules,
            at=time(),
            route=note.route,
            tenant=note.tenant,
            request_id=note.request_id,
            ref=note.ref,
            status=200,
        )
    )
    return decision


def weaker(one: Mode, other: Mode) -> Mode:
    return min(one, other, key=_STRENGTH.index)


def _check_length(text: str, policy: PolicyFile) -> None:
    limit = policy.limits.prompt_chars
    if len(text) > limit:
        raise Refusal(400, f"The prompt has {len(text):,} characters; at most {limit:,} are allowed.", code="prompt_too_long")
