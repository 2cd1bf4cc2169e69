"""What a client asks of us in its headers, and the seed that follows from it. Nothing of it goes upstream."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from evenhand.proxy.headers import Pairs, every
from evenhand.proxy.refusal import Refusal
from evenhand.rules.schema import PolicyFile
from evenhand.settings import Settings

SEED_BITS = 53  # JSON readers in other languages keep integers up to 2**53 exact
_SEED = re.compile(rb"[0-9]{1,18}")
_TENANT = re.compile(rb"[A-Za-z0-9._:@-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    off: bool = False
    seed: int | None = None
    tenant: str = ""
    idempotency_key: bytes = b""


def wishes_of(pairs: Pairs, settings: Settings) -> Wishes:
    """Raises Refusal 400 for a value that means nothing."""
    off, seed = _single(pairs, b"x-evenhand"), _single(pairs, b"x-evenhand-seed")
    if off is not None and off.strip().lower() != b"off":
        raise _bad("X-Evenhand", "'off' is its only value")
    if seed is not None and not _SEED.fullmatch(seed):
        raise _bad("X-Evenhand-Seed", "it must be a whole number from 0 to 999999999999999999")
    tenant = _single(pairs, b"x-evenhand-tenant") if settings.tenant_header else None
    if tenant is not None and not _TENANT.fullmatch(tenant):
        raise _bad("X-Evenhand-Tenant", "it must be 1 to 64 letters, digits or any of . _ : @ -")
    return Wishes(
        off=off is not None,
        seed=None if seed is None else int(seed),
        tenant=(tenant or b"").decode("ascii"),
        idempotency_key=b"".join(every(pairs, b"idempotency-key")),
    )


def seed_of(text: str, wishes: Wishes, policy: PolicyFile, settings: Settings) -> int:
    """The client's seed; else, where the same draw is wanted again, one derived from the prompt; else a random one."""
    if wishes.seed is not None:
        return wishes.seed
    if policy.sampling.by == "request" and not wishes.idempotency_key:
        return secrets.randbits(SEED_BITS)
    key = b"" if policy.sampling.by == "prompt" else wishes.idempotency_key
    parts = [wishes.tenant.encode(), key, text.encode("utf-8", "surrogatepass")]
    message = b"".join(len(part).to_bytes(4) + part for part in parts)
    digest = hmac.digest(settings.secret.get_secret_value().encode(), message, hashlib.sha256)
    return int.from_bytes(digest[:8]) >> 64 - SEED_BITS


def _single(pairs: Pairs, name: bytes) -> bytes | None:
    values = every(pairs, name)
    if len(values) > 1:
        raise _bad(name.decode().title(), "it was sent twice; send it once")
    return values[0] if values else None


def _bad(name: str, what: str) -> Refusal:
    return Refusal(400, f"The header {name} can't be used: {what}.", code="invalid_header")
