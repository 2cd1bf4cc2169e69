"""Plan in, draws out: one value a person and image for each open axis, in the policy's shares, as evenly as n images allow.

Systematic sampling: one random offset, then equal steps through the shares, then a shuffle; so each value's count over the
images is
within one of its share, and over many prompts the shares are met exactly. Seeded by the prompt's seed, the axis and the
subject's place.
"""

import random
from collections.abc import Mapping, Sequence

from evenhand.flow import Draw, Plan, Ruling
from evenhand.rules.schema import PolicyFile

RANGE = "range"
ENUMERATED = 4


def draw(plan: Plan, policy: PolicyFile) -> tuple[tuple[Draw, ...], ...]:
    """One tuple of draws an image; empty where nothing is open."""
    prompt = plan.analysis.prompt
    rulings = [ruling for ruling in plan.rulings if ruling.is_open]
    if not rulings:
        return ()
    places = {id(subject): place for place, subject in enumerate(plan.analysis.subjects)}
    columns = [_values(ruling, places[id(ruling.subject)], prompt.seed, prompt.images, policy) for ruling in rulings]
    return tuple(
        tuple(Draw(ruling=ruling, values=column[image]) for ruling, column in zip(rulings, columns, strict=True))
        for image in range(prompt.images)
    )


def people_drawn(ruling: Ruling) -> int | None:
    """How many values one image needs; None where the group is not counted out and gets a range."""
    number = ruling.subject.number
    if ruling.axis in ruling.subject.shares or (ruling.axis == "ethnicity" and ruling.subject.kin_of is not None):
        return 1
    return number if number is not None and number <= ENUMERATED else None


def _values(ruling: Ruling, place: int, seed: int, images: int, policy: PolicyFile) -> Sequence[tuple[str, ...]]:
    subject = ruling.subject
    place = subject.kin_of if subject.kin_of is not None and ruling.axis == "ethnicity" else place
    people = people_drawn(ruling)
    if people is None:
        return [(RANGE,)] * images
    rng = random.Random(f"{seed}/{place}/{ruling.axis}")
    drawn = stratified(policy.axes[ruling.axis], images * people, rng)
    return [tuple(drawn[image * people : (image + 1) * people]) for image in range(images)]


def stratified(shares: Mapping[str, int], number: int, rng: random.Random) -> list[str]:
    """`number` values whose counts are within one of their shares (percent)."""
    offset = rng.random()
    drawn = [_at(shares, (index + offset) * 100 / number) for index in range(number)]
    rng.shuffle(drawn)
    return drawn


def _at(shares: Mapping[str, int], point: float) -> str:
    reached = 0
    for value, share in shares.items():
        reached += share
        if point < reached:
            return value
    return next(reversed(list(shares)))
