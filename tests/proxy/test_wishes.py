import hashlib
from collections import Counter

import pytest

from evenhand.proxy.headers import Pairs
from evenhand.proxy.refusal import Refusal
from evenhand.proxy.wishes import SEED_BITS, Wishes, seed_of, wishes_of
from evenhand.rules.schema import PolicyFile, Sampling
from evenhand.settings import Settings, load_settings

POLICY = PolicyFile(axes={"gender": {"woman": 50, "man": 50}})
BY_PROMPT = POLICY.model_copy(update={"sampling": Sampling(by="prompt")})


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("EVENHAND_SECRET", "s")
    return load_settings(tenant_header=True)


def test_reads_all_wishes(settings: Settings) -> None:
    pairs = [(b"x-evenhand", b"OFF"), (b"x-evenhand-seed", b"7"), (b"x-evenhand-tenant", b"acme"), (b"idempotency-key", b"k")]
    assert wishes_of(pairs, settings, POLICY) == Wishes(off=True, seed=7, tenant="acme", idempotency_key=b"k")
    assert wishes_of([], settings, POLICY) == Wishes()


def test_the_tenant_is_believed_only_where_allowed() -> None:
    assert wishes_of([(b"x-evenhand-tenant", b"acme")], load_settings(), POLICY).tenant == ""


@pytest.mark.parametrize(
    "pairs",
    [
        [(b"x-evenhand", b"on")],
        [(b"x-evenhand-seed", b"seven")],
        [(b"x-evenhand-seed", b"-1")],
        [(b"x-evenhand-seed", b"1.5")],
        [(b"x-evenhand-seed", b"9" * 19)],
        [(b"x-evenhand-seed", b"")],
        [(b"x-evenhand-seed", b"1"), (b"x-evenhand-seed", b"2")],
        [(b"x-evenhand-tenant", b"a b")],
    ],
)
def test_wishes_that_mean_nothing_are_refused(pairs: Pairs, settings: Settings) -> None:
    with pytest.raises(Refusal) as caught:
        wishes_of(pairs, settings, POLICY)
    assert caught.value.status == 400


def test_seeds(settings: Settings) -> None:
    assert seed_of("a", Wishes(seed=7), BY_PROMPT, settings) == 7
    randoms = Counter(seed_of("a", Wishes(), POLICY, settings) for _ in range(100))
    assert len(randoms) == 100
    assert max(randoms) < 2**SEED_BITS


def test_sampling_by_prompt_repeats_for_tenant_and_prompt_only(settings: Settings) -> None:
    first = seed_of("a", Wishes(tenant="t"), BY_PROMPT, settings)
    assert first == seed_of("a", Wishes(tenant="t", idempotency_key=b"any"), BY_PROMPT, settings)
    others = [
        seed_of("b", Wishes(tenant="t"), BY_PROMPT, settings),
        seed_of("a", Wishes(tenant="u"), BY_PROMPT, settings),
        seed_of("a", Wishes(tenant="t"), BY_PROMPT, load_settings(secret="other")),
    ]
    assert first not in others


def test_an_idempotency_key_repeats_the_draw(settings: Settings) -> None:
    key = Wishes(idempotency_key=b"k")
    assert seed_of("a", key, POLICY, settings) == seed_of("a", key, POLICY, settings)
    assert seed_of("a", key, POLICY, settings) != seed_of("a", Wishes(idempotency_key=b"l"), POLICY, settings)


def test_who_fixes_the_seed_of_the_picture_gets_the_same_draw(settings: Settings) -> None:
    assert seed_of("a", Wishes(), POLICY, settings, own=7) == seed_of("a", Wishes(), POLICY, settings, own=7)
    assert seed_of("a", Wishes(), POLICY, settings, own=7) != seed_of("a", Wishes(), POLICY, settings, own=8)
    assert seed_of("a", Wishes(), BY_PROMPT, settings, own=7) == seed_of("a", Wishes(), BY_PROMPT, settings, own=8)


KEYED = POLICY.model_copy(update={"api_keys": {hashlib.sha256(b"sk-1").hexdigest(): "acme"}})


@pytest.mark.parametrize(
    ("pairs", "tenant"),
    [
        ([(b"authorization", b"Bearer sk-1")], "acme"),
        ([(b"api-key", b"sk-1")], "acme"),
        ([(b"x-goog-api-key", b"sk-1")], "acme"),
        ([(b"authorization", b"Bearer sk-2")], ""),
        ([(b"other", b"sk-1")], ""),
        ([(b"authorization", b"Bearer sk-1"), (b"x-evenhand-tenant", b"told")], "told"),
    ],
)
def test_the_tenant_of_an_api_key(pairs: Pairs, tenant: str, settings: Settings) -> None:
    assert wishes_of(pairs, settings, KEYED).tenant == tenant
