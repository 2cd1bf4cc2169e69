"""Draws follow the policy's shares: exactly in the long run, and within one of them inside one request."""

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.engine.draw import draw, people_drawn, stratified
from evenhand.engine.plan import plan_for
from evenhand.flow import Analysis, Plan, Prompt, Span, Subject
from evenhand.rules.schema import PolicyFile

SHARES = {"Black": 17, "East Asian": 17, "Hispanic": 17, "Middle Eastern": 16, "South Asian": 17, "white": 16}
POLICY = PolicyFile(axes={"gender": {"woman": 50, "man": 50}, "ethnicity": SHARES})


def subject(*, number: int | None = 1, shares: frozenset[str] = frozenset()) -> Subject:
    count = "many" if number is None else "one" if number == 1 else "few"
    return Subject(span=Span(0, 5), head=Span(0, 5), count=count, number=number, findings=(), shares=shares)  # type: ignore[arg-type]


def plan(*subjects: Subject, images: int = 1, seed: int = 0) -> Plan:
    prompt = Prompt(text="nurse", images=images, seed=seed)
    return plan_for(Analysis(prompt=prompt, subjects=subjects, notes=()), POLICY)


def chi_square_p(observed: Counter[str], shares: dict[str, int]) -> float:
    """Upper tail by the Wilson-Hilferty approximation; good to three digits for these sizes."""
    total = sum(observed.values())
    chi = sum((observed[value] - total * share / 100) ** 2 / (total * share / 100) for value, share in shares.items())
    k = len(shares) - 1
    z = ((chi / k) ** (1 / 3) - (1 - 2 / (9 * k))) / math.sqrt(2 / (9 * k))
    return 0.5 * math.erfc(z / math.sqrt(2))


def test_a_hundred_thousand_draws_match_the_shares() -> None:
    seen: Counter[str] = Counter()
    genders: Counter[str] = Counter()
    for seed in range(100_000):
        for each in draw(plan(subject(), seed=seed), POLICY)[0]:
            (seen if each.ruling.axis == "ethnicity" else genders).update(each.values)
    assert chi_square_p(seen, SHARES) > 0.001
    assert chi_square_p(genders, {"woman": 50, "man": 50}) > 0.001


def test_gender_and_ethnicity_are_independent() -> None:
    joint: Counter[str] = Counter()
    for seed in range(20_000):
        first, second = draw(plan(subject(), seed=seed), POLICY)[0]
        joint[f"{first.values[0]}/{second.values[0]}"] += 1
    shares = {f"{gender}/{name}": 50 * share / 100 for gender in ("woman", "man") for name, share in SHARES.items()}
    assert chi_square_p(joint, shares) > 0.001  # type: ignore[arg-type]


@given(number=st.integers(1, 40), seed=st.integers(0, 2**40))
def test_counts_are_within_one_of_their_share(number: int, seed: int) -> None:
    counts = Counter(stratified(SHARES, number, random.Random(seed)))
    assert sum(counts.values()) == number
    for value, share in SHARES.items():
        assert abs(counts[value] - number * share / 100) < 1


@pytest.mark.parametrize("images", [2, 4, 6, 10])
def test_images_of_one_request_are_stratified(images: int) -> None:
    drawn = draw(plan(subject(), images=images, seed=5), POLICY)
    genders = Counter(each.values[0] for image in drawn for each in image if each.ruling.axis == "gender")
    assert genders == {"woman": images // 2, "man": images // 2}


@pytest.mark.parametrize(
    ("given_subject", "people"),
    [
        (subject(), 1),
        (subject(number=2), 2),
        (subject(number=4), 4),
        (subject(number=5), None),
        (subject(number=None), None),
        (subject(number=None, shares=frozenset({"ethnicity"})), 1),
    ],
)
def test_how_many_values_an_image_needs(given_subject: Subject, people: int | None) -> None:
    ruling = next(each for each in plan(given_subject).rulings if each.axis == "ethnicity")
    assert people_drawn(ruling) == people
    drawn = draw(plan(given_subject), POLICY)[0]
    values = next(each.values for each in drawn if each.ruling.axis == "ethnicity")
    assert len(values) == (people or 1)
    assert (values == ("range",)) == (people is None)


def test_the_seed_fixes_every_draw_and_subjects_draw_apart() -> None:
    one = plan(subject(), subject(), images=10, seed=11)
    values = [[each.values for each in image] for image in draw(one, POLICY)]
    assert values == [[each.values for each in image] for image in draw(one, POLICY)]
    assert values != [[each.values for each in image] for image in draw(plan(subject(), subject(), images=10, seed=12), POLICY)]
    assert [image[:2] for image in values] != [image[2:] for image in values]


def test_nothing_open_draws_nothing() -> None:
    assert draw(plan(), POLICY) == ()
