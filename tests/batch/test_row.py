"""What a row must be, and that its draw hangs on nothing but itself."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.batch import BadRow, Columns, decide_row, draw_seed
from evenhand.batch.row import MAX_SEED, Row, ref_of, row_of
from evenhand.engine import Engine


def checked(values: Mapping[str, object]) -> Row:
    return row_of(values, 3, columns=Columns(), images=2, longest=50)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"prompt": "a doctor"}, Row(number=3, text="a doctor", images=2)),
        ({"prompt": b"caf\xc3\xa9"}, Row(number=3, text="café", images=2)),
        ({"prompt": "x", "ref": 7, "images": "4", "seed": ""}, Row(number=3, text="x", ref="7", images=4)),
        ({"prompt": "x", "ref": "", "images": None, "seed": 2.0}, Row(number=3, text="x", images=2, seed=2)),
        ({"prompt": "x", "seed": float("nan")}, Row(number=3, text="x", images=2)),
        ({"prompt": "x", "seed": str(MAX_SEED)}, Row(number=3, text="x", images=2, seed=MAX_SEED)),
        ({"prompt": " x "}, Row(number=3, text=" x ", images=2)),
    ],
)
def test_usable_rows(values: Mapping[str, object], expected: Row) -> None:
    assert checked(values) == expected


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "missing"),
        ({"prompt": None}, "missing"),
        ({"prompt": 7}, "not_text"),
        ({"prompt": ["a doctor"]}, "not_text"),
        ({"prompt": ""}, "empty"),
        ({"prompt": " \n\t"}, "empty"),
        ({"prompt": b"caf\xe9"}, "encoding"),
        ({"prompt": "half \ud800"}, "encoding"),
        ({"prompt": "x" * 51}, "too_long"),
        ({"prompt": "x", "ref": "r" * 257}, "ref"),
        ({"prompt": "x", "ref": 1.5}, "ref"),
        ({"prompt": "x", "ref": True}, "ref"),
        ({"prompt": "x", "ref": b"\xff"}, "encoding"),
        ({"prompt": "x", "images": 0}, "images"),
        ({"prompt": "x", "images": 11}, "images"),
        ({"prompt": "x", "images": True}, "images"),
        ({"prompt": "x", "images": "two"}, "images"),
        ({"prompt": "x", "seed": -1}, "seed"),
        ({"prompt": "x", "seed": "9" * 5000}, "seed"),
        ({"prompt": "x", "seed": MAX_SEED + 1}, "seed"),
        ({"prompt": "x", "seed": 1.5}, "seed"),
        ({"prompt": "x", "seed": float("inf")}, "seed"),
        ({"prompt": "x", "seed": "٣"}, "seed"),
    ],
)
def test_bad_rows_say_what_is_wrong_and_never_the_text(values: Mapping[str, object], reason: str) -> None:
    with pytest.raises(BadRow) as caught:
        checked(values)
    assert caught.value.reason == reason
    text = values.get("prompt")
    assert not isinstance(text, str) or len(text) < 3 or text not in str(caught.value)


def test_a_column_without_a_name_is_not_read() -> None:
    columns = Columns(ref="", images="", seed="")
    assert columns.read == ("prompt",)
    row = row_of(
        {"prompt": "x", "seed": -1, "ref": 1.5, "": "y"}, 1, columns=Columns(seed="", ref="", images=""), images=1, longest=9
    )
    assert row == Row(number=1, text="x")
    assert ref_of({"": "y"}, columns) is None


def test_record_has_row_and_ref_first_and_no_time(small_engine: Engine) -> None:
    record = decide_row(small_engine, Row(number=9, text="a doctor", ref="mine"), seed=1)
    assert list(record)[:3] == ["row", "ref", "id"]
    assert "overhead_ms" not in record
    assert record["row"] == 9
    assert "ref" not in decide_row(small_engine, Row(number=9, text="a doctor"), seed=1)


def test_draws_hang_on_ref_or_number_text_and_seed(small_engine: Engine) -> None:
    def drawn(*, number: int = 1, ref: str | None = None, seed: int = 0, own: int | None = None) -> object:
        return decide_row(small_engine, Row(number=number, text="a doctor", ref=ref, seed=own), seed=seed)["seed"]

    assert drawn() == drawn()
    assert len({drawn(), drawn(number=2), drawn(seed=1), drawn(ref="1")}) == 4
    assert drawn(ref="a", number=1) == drawn(ref="a", number=2)
    assert drawn(own=42, seed=1) == 42


def test_ids_are_those_of_the_decision(small_engine: Engine) -> None:
    rows = [Row(number=1, text="a doctor"), Row(number=2, text="a doctor"), Row(number=1, text="a doctor", images=2)]
    ids = {str(decide_row(small_engine, row, seed=0)["id"]) for row in rows}
    assert len(ids) == 3
    assert all(len(each) == 28 and each.startswith("d-") for each in ids)


@given(st.text(), st.text(), st.integers(0, MAX_SEED))
def test_seeds_stay_exact_in_every_json_reader(text: str, key: str, seed: int) -> None:
    assert 0 <= draw_seed(text, key=key, seed=seed) < 2**53


def test_parts_of_a_seed_do_not_run_together() -> None:
    assert draw_seed("bc", key="a", seed=0) != draw_seed("c", key="ab", seed=0)


def test_shares_are_met_over_many_rows(small_engine: Engine) -> None:
    records = [decide_row(small_engine, Row(number=at, text="a doctor"), seed=0) for at in range(1, 401)]
    women = sum("female" in record["rewrites"][0] for record in records)  # type: ignore[index]
    assert 160 < women < 240


def test_a_fault_of_the_engine_is_one_bad_row(small_engine: Engine) -> None:
    broken = Engine(small_engine.rules, tagger=Breaking())
    with pytest.raises(BadRow, match="a fault of ours: ZeroDivisionError") as caught:
        decide_row(broken, Row(number=1, text="a doctor"), seed=0)
    assert caught.value.reason == "engine"


class Breaking:
    def tags(self, words: object) -> list[str]:
        raise ZeroDivisionError

    def read(self, words: object) -> list[tuple[str, float]]:
        raise ZeroDivisionError
