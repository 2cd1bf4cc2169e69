"""Terms from rules, prompts from carriers, and which of the fellows is the odd one out."""

import shutil
from pathlib import Path

import pytest

from evenhand.engine import Engine
from evenhand.errors import RuleError
from evenhand.flow import AXES, Axis, Prompt, Span
from evenhand.parity import (
    SHIPPED,
    CarrierFile,
    Known,
    Parity,
    Term,
    filled,
    read_carriers,
    run_parity,
    shape_of,
    shape_text,
    terms_of,
)
from evenhand.rules.compile import compile_rules
from evenhand.rules.load import LoadedRules, load_folder, shipped_rules
from evenhand.rules.ruleset import Place

TERMS = """\
kind: terms
rules:
  - id: tall-folk
    match: [zorbish, quendi, {one: zorb}]
    closes: [ethnicity]
    why: The prompt states it.
    examples: [{say: a zorbish doctor, vary: [gender]}]
  - {id: tags, match: [1zorb], as: tag, closes: [gender], why: The prompt states it., examples: [{say: 1zorb, leave: [gender]}]}
---
kind: cultures
rules:
  - {id: people, match: [Ottish, Neric], as: nationality, why: A people., examples: [{say: an Ottish doctor, vary: [gender]}]}
  - {id: place, match: [Neric], as: place, why: A place., examples: [{say: a doctor in Neric, vary: [gender]}]}
"""
DATA = CarrierFile(carriers={"adjective": ["{a} {term} doctor and a nurse", "two {low} engineers"], "one": ["{a} {term}"]})


@pytest.fixture(scope="module")
def folder(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> LoadedRules:
    """Neric is a place too, which closes the scene: it is not treated as its fellows are."""
    folder = tmp_path_factory.mktemp("parity") / "rules"
    shutil.copytree(small_folder, folder)
    (folder / "en/parity.yaml").write_text(TERMS)
    return load_folder(folder)


def found(folder: LoadedRules, data: CarrierFile = DATA) -> Parity:
    return run_parity(terms_of(folder, data), Engine(compile_rules(folder)), data)


def test_terms_are_those_of_demographic_rules_by_form(folder: LoadedRules) -> None:
    forms = {(term.text, term.form, tuple(sorted(term.axes))) for term in terms_of(folder, DATA)}
    ethnic = [
        ("zorbish", "adjective"),
        ("quendi", "adjective"),
        ("zorb", "one"),
        ("zorbs", "many"),
        ("Ottish", "adjective"),
        ("Neric", "adjective"),
    ]
    assert forms == {(text, form, ("ethnicity",)) for text, form in ethnic} | {("1zorb", "tag", ("gender",))}


def test_a_form_may_be_told(folder: LoadedRules) -> None:
    told = CarrierFile(carriers={}, forms={"terms/tags": "worn"})
    assert [term.text for term in terms_of(folder, told) if term.form == "worn"] == ["1zorb"]


def test_the_odd_one_out_is_found_with_the_rule_behind_it(folder: LoadedRules) -> None:
    parity = found(folder)
    assert (parity.terms, parity.prompts) == (7, 9)
    (odd,) = parity.odds
    assert odd.trial.decision.plan.analysis.prompt.text == "a Neric doctor and a nurse"
    assert shape_text(odd.usual) == "doctor: ethnicity closed; nurse: open"
    assert shape_text(odd.trial.shape) == "doctor: ethnicity closed; nurse: ethnicity closed"
    assert any("culture 'Neric' by cultures/place (" in ground for ground in odd.because)
    assert [term.text for term in parity.unknown] == ["Neric"]
    assert str(odd.trial.term.place).endswith("en/parity.yaml:12")


KNOWN = [
    (Known(terms=("Neric",), why="x"), True),
    (Known(rule="cultures/people", why="x"), True),
    (Known(rule="cultures/people", terms=("Neric",), carriers=(DATA.carriers["adjective"][0],), why="x"), True),
    (Known(rule="terms/people", why="x"), False),
    (Known(terms=("Neric",), carriers=("two {low} engineers",), why="x"), False),
]


@pytest.mark.parametrize(("known", "covers"), KNOWN)
def test_known_exceptions_are_no_news_and_the_others_are_stale(folder: LoadedRules, known: Known, covers: bool) -> None:
    parity = found(folder, DATA.model_copy(update={"known": (known,)}))
    assert (bool(parity.unknown), bool(parity.stale)) == (not covers, not covers)


FILLED = [
    ("{a} {term} nurse", "Asian", False, ("an Asian nurse", Span(3, 8))),
    ("{a} {low} nurse", "Asian", False, ("an asian nurse", Span(3, 8))),
    ("two {Title} nurses", "south asian", False, ("two South Asian nurses", Span(4, 15))),
    ("{low} nurse", "Polish", True, None),
    ("{term} nurse", "Polish", True, ("Polish nurse", Span(0, 6))),
    ("a nurse", "Polish", False, None),
]


@pytest.mark.parametrize(("carrier", "text", "is_exact", "wanted"), FILLED)
def test_filled(carrier: str, text: str, is_exact: bool, wanted: tuple[str, Span] | None) -> None:
    term = Term(text=text, rule="r", form="adjective", axes=frozenset(AXES), is_exact=is_exact, place=Place("p", 1))
    assert filled(carrier, term) == wanted


def test_shape_names_heads_beside_the_term(engine: Engine) -> None:
    axes: tuple[Axis, ...] = ("ethnicity",)
    decision = engine.decide(Prompt(text="a Chinese student and a nurse"))
    assert shape_of(decision, Span(2, 9)) == (("student", axes), ("nurse", ()))
    assert shape_text(shape_of(engine.decide(Prompt(text="two Latinos")), Span(4, 11))) == "*: ethnicity closed"
    assert shape_text(()) == "no subject"


BROKEN = [("carriers: [", "c.yaml:1:"), ("carrier: {}", "did you mean 'carriers'?"), ("", "holds no carriers")]


@pytest.mark.parametrize(("text", "told"), BROKEN)
def test_broken_carriers_are_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(RuleError) as caught:
        read_carriers(tmp_path / "c.yaml")
    assert told in str(caught.value)


def test_carriers_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="can't be read: No such file"):
        read_carriers(tmp_path / "c.yaml")


GROUPS = ["Black", "white", "Asian", "East Asian", "South Asian", "Hispanic", "Middle Eastern", "Native American", "Caucasian"]
NATIONS = ["Nigerian", "German", "Mexican", "Indian", "Japanese", "Iranian", "Polish", "American", "Samoan", "Turkish"]
FAITHS = ["Muslim", "Christian", "Jewish", "Hindu", "Sikh", "Buddhist", "Catholic"]
GENDERS = ["female", "male", "non-binary", "transgender", "woman", "man", "women", "men"]


def test_the_great_groups_are_treated_alike_by_the_shipped_rules(engine: Engine) -> None:
    data = read_carriers(SHIPPED)
    names = {normal.lower() for normal in (*GROUPS, *NATIONS, *FAITHS, *GENDERS)}
    terms = [term for term in terms_of(load_folder(shipped_rules()), data) if term.text.lower() in names]
    assert names == {term.text.lower() for term in terms}
    assert not run_parity(terms, engine, data).unknown


def test_the_shipped_carriers_speak_of_rules_that_exist() -> None:
    data, loaded = read_carriers(SHIPPED), load_folder(shipped_rules())
    terms = terms_of(loaded, data)
    assert not set(data.forms or {}) - set(loaded.places)
    assert {term.form for term in terms} == set(data.carriers)
    assert not {text for known in data.known for text in known.terms} - {term.text for term in terms}
