"""What a client asks of us in its headers, and the seed that follows from it. Nothing of it goes upstream."""

import hashlib
import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass

from evenhand.proxy.headers import Pairs, every
from evenhand.proxy.refusal import Refusal
from evenhand.rules.schema import PolicyFile
from evenhand.settings import Settings

SEED_BITS = 53  # JSON readers in other languages keep integers up to 2**53 exact
_SEED = re.compile(rb"[0-9]{1,18}")
_KEY_HEADERS = (b"api-key", b"x-api-key", b"x-goog-api-key", b"x-key", b"xi-api-key")
# Format characters, controls, accents and variation selectors; letters of Hangul that only hold a place.
_UNSEEN = frozenset({"Cf", "Cc", "Mn", "Me"})
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_TENANT = re.compile(rb"[A-Za-z0-9._:@-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    off: bool = False
    seed: int | None = None
    tenant: str = ""
    idempotency_key: bytes = b""


NO_WISHES = Wishes()
_WISHING = frozenset({b"x-evenhand", b"x-evenhand-seed", b"x-evenhand-tenant", b"idempotency-key"})


def wishes_of(pairs: Pairs, settings: Settings, policy: PolicyFile) -> Wishes:
    """The tenant is the header's where that is believed, else that of the API key. Raises Refusal 400 for nonsense."""
    if not policy.api_keys and _WISHING.isdisjoint([name.lower() for name, _ in pairs]):
        return NO_WISHES
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
        tenant=tenant.decode("ascii") if tenant else tenant_of(pairs, policy),
        idempotency_key=b"".join(every(pairs, b"idempotency-key")),
    )


def tenant_of(pairs: Pairs, policy: PolicyFile) -> str:
    """The tenant whose API key the request carries; the policy knows keys by their SHA-256 only."""
    if not policy.api_keys:
        return ""
    keys = [value for name in _KEY_HEADERS for value in every(pairs, name)]
    keys += [value.partition(b" ")[2].strip() for value in every(pairs, b"authorization")]
    digests = [hashlib.sha256(key).hexdigest() for key in keys if key]
    return next((policy.api_keys[digest] for digest in digests if digest in policy.api_keys), "")


def seed_of(text: str, wishes: Wishes, policy: PolicyFile, settings: Settings, *, own: int | None = None) -> int:
    """The seed a client sent us; else one derived from the prompt where the same draw is wanted again; else a random one.

    `own` is the seed the request has for the image API: who fixes it wants the same picture twice.
    """
    if wishes.seed is not None:
        return wishes.seed
    if policy.sampling.by == "request" and not wishes.idempotency_key and own is None:
        return secrets.randbits(SEED_BITS)
    key = b"" if policy.sampling.by == "prompt" else wishes.idempotency_key or b"%d" % (own or 0)
    parts = [wishes.tenant.encode(), key, gist(text).encode("utf-8", "surrogatepass")]
    message = b"".join(len(part).to_bytes(4) + part for part in parts)
    digest = hmac.digest(settings.secret.get_secret_value().encode(), message, hashlib.sha256)
    return int.from_bytes(digest[:8]) >> 64 - SEED_BITS


def gist(text: str) -> str:
    """A prompt without what a reader overlooks: one case, one width, no accent, nothing invisible, single spaces between words.

    Who dislikes a draw must not get another by typing a space. It serves as a key only and is never sent or shown.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = "".join(" " if char == "_" or char.isspace() else char for char in folded if not _is_unseen(char))
    return " ".join(kept.split())


def _is_unseen(char: str) -> bool:
    return char in _FILLERS or (unicodedata.category(char) in _UNSEEN and not char.isspace())


def _single(pairs: Pairs, name: bytes) -> bytes | None:
    values = every(pairs, name)
    if len(values) > 1:
        raise _bad(name.decode().title(), "it was sent twice; send it once")
    return values[0] if values else None


def _bad(name: str, what: str) -> Refusal:
    return Refusal(400, f"The header {name} can't be used: {what}.", code="invalid_header")
