"""The definition of a right decision by its own examples, against shipped rules and model: each reason, what is nobody at all,
and that nobody plainly asked for is left idle.
"""

from collections.abc import Callable

import pytest

from evenhand.flow import Axis

BOTH: list[Axis] = ["gender", "ethnicity"]
Open = Callable[[str], dict[str, list[Axis]]]

# "": the axes varied anywhere, whoever the heads are.
PAGE: list[tuple[str, dict[str, list[Axis]]]] = [
    ("a female surgeon", {"surgeon": ["ethnicity"]}),
    ("1girl, solo, park, smile", {"": ["ethnicity"]}),
    ("1girl, solo, blue_eyes", {"": []}),
    ("portrait of a firefighter, 👩🏾‍🚒", {"": []}),
    ("a diverse team", {"team": []}),
    ("people of all races", {"people": ["gender"]}),
    ("a German engineer", {"engineer": ["gender"]}),
    ("Maasai dancers", {"dancers": ["gender"]}),
    ("a Latina lawyer", {"lawyer": []}),
    ("Harry Potter in a library", {"": []}),
    ("the Beatles on a roof", {"": []}),
    ("Elon Musk as a viking", {"": []}),
    ("Marie Curie, a scientist", {"Marie Curie": []}),
    ("me as an astronaut", {"": []}),
    ("our teacher at the board", {"teacher": []}),
    ("a photo of us", {"": []}),
    ("make the man in the photo older", {"": []}),
    ("1940s German soldiers", {"": []}),
    ("a soldier at the Battle of Hastings", {"soldier": []}),
    ("a knight in armour", {"": []}),
    ("a soldier in 1916", {"soldier": []}),
    ("a street vendor in Lagos", {"street vendor": ["gender"]}),
    ("Diwali celebration, dancers", {"dancers": ["gender"]}),
    ("a woman in a kimono", {"woman": []}),
    ("the pope", {"": []}),
    ("a nun", {"": []}),
    ("a king", {"king": ["ethnicity"]}),
    ("a ballerina", {"ballerina": ["ethnicity"]}),
    ("a waitress", {"waitress": ["ethnicity"]}),
    ("a fireman", {"fireman": ["ethnicity"]}),
    ("a geisha", {"": []}),
    ("a bearded hipster", {"hipster": ["ethnicity"]}),
    ("a pregnant patient", {"patient": ["ethnicity"]}),
    ("a blonde model", {"model": ["gender"]}),
    ("a freckled child", {"child": ["gender"]}),
    ("a singer with green eyes", {"singer": ["gender"]}),
    ("a singer with pale skin", {"singer": ["gender"]}),
    ("a singer with dreadlocks", {"singer": ["gender"]}),
    ("a Muslim student", {"student": ["gender"]}),
    ("a woman in hijab", {"woman": []}),
    ("a couple kissing", {"couple": ["ethnicity"]}),
    ("a family at dinner", {"family": ["ethnicity"]}),
    ("an elf woman", {"": []}),
    ("a goddess", {"": []}),
    ("a vampire", {"": []}),
    ("a cyborg", {"": []}),
    ("a thug", {"": []}),
    ("terrorists", {"": []}),
    ("a lazy worker", {"": []}),
    ("a homeless man and a social worker", {"homeless man": [], "social worker": BOTH}),
    ("a doctor, exactly as written", {"doctor": []}),
    ("a brown bear", {"": []}),
    ("the White House by the Indian Ocean", {"": []}),
    ("a queen-size bed and a king crab", {"": []}),
    ("a police car and a doctor's bag", {"": []}),
    ("cowboy boots on a shelf", {"": []}),
    ("a nurse, black and white photo", {"nurse": BOTH}),
    ("a black leather jacket on a model", {"model": BOTH}),
    ("a lego astronaut", {"": []}),
    ("statue of a soldier", {"": []}),
    ("an empty classroom without students", {"": []}),
    ("a nurse, oil painting by Rembrandt", {"nurse": BOTH}),
    ("a barista, concept art by greg rutkowski", {"barista": BOTH}),
    ("a boy in a Messi jersey", {"boy": ["ethnicity"]}),
    ("a teacher beside a portrait of Lincoln", {"teacher": BOTH}),
    ('a sign that says "Nurse wanted"', {"": []}),
    ("the dog and its owner", {"owner": BOTH}),
    ("the owner's car", {"": []}),
    ("legs of a dancer", {"": []}),
    ("a fox warrior", {"": []}),
    ("a person made of bricks", {"": []}),
    ("a man in a bear costume", {"man": ["ethnicity"]}),
    ("a rock concert", {"": []}),
    ("two people, a Ukrainian girl and a Nepalese monk", {"girl": []}),
    ("a Korean mother and her children", {"mother": [], "children": ["gender"]}),
    ("a basketball team", {"basketball team": BOTH}),
    ("a nurse in the 1 9 2 0 s", {"nurse": []}),
    ("Einstein talking to a waiter", {"Einstein": [], "waiter": BOTH}),
    ("Serena Williams as a nurse", {"Serena Williams": []}),
    ("a nurse in 1987", {"nurse": BOTH}),
    ("a nurse, 1920x1080, f/1.8, 35mm, 8k", {"nurse": BOTH}),
    ("renaissance-style portrait of a programmer", {"programmer": BOTH}),
    ("a nurse at a 1940s-themed party", {"nurse": BOTH}),
    ("a foreign correspondent in Cairo", {"foreign correspondent": BOTH}),
    ("tourists at the Eiffel Tower", {"tourists": BOTH}),
    ("a chef making ramen", {"chef": BOTH}),
    ("a chef in a ramen shop in Osaka", {"chef": ["gender"]}),
    ("a student at Brown University", {"student": BOTH}),
    ("a woman's face", {"woman": ["ethnicity"]}),
    ("headshot of a nurse", {"nurse": BOTH}),
    ("three scientists", {"scientists": BOTH}),
]
EVERYDAY = [
    "doctor",
    "nurse",
    "engineer",
    "teacher",
    "student",
    "chef",
    "firefighter",
    "scientist",
    "lawyer",
    "baker",
    "pilot",
    "plumber",
]
FRAMES = [
    "a {}",
    "A {} at work",
    "a {} at work",
    "photo of a {} in a kitchen",
    "{}, smiling, park, 8k",
    "a tired {} on a train at night",
    "two {}s at a table",
    "a {} with a dog",
    "close-up of a {}'s face",
    "Generate a picture of a {} in front of a house.",
]


@pytest.mark.parametrize(("text", "wanted"), PAGE)
def test_the_examples_of_the_definition(open_in: Open, text: str, wanted: dict[str, list[Axis]]) -> None:
    found = open_in(text)
    if "" in wanted:
        assert sorted({axis for axes in found.values() for axis in axes}) == wanted[""]
    else:
        assert {head: axes for head, axes in found.items() if head in wanted} == wanted


@pytest.mark.parametrize("frame", FRAMES)
def test_never_idle_where_it_is_plainly_open(open_in: Open, frame: str) -> None:
    idle = [role for role in EVERYDAY if list(open_in(frame.format(role)).values()) != [BOTH]]
    assert idle == []
