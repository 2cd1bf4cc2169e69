"""How commands print and refuse."""

import json

import pytest
import typer

from evenhand.cli.console import complain, refuse, say, say_json


def test_text_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    say("[bold]a (doctor:1.2)[/bold] :smile: " + "x" * 300)
    assert capsys.readouterr().out == "[bold]a (doctor:1.2)[/bold] :smile: " + "x" * 300 + "\n"


def test_json_keeps_its_letters(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"a": "é"})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"a": "é"}
    assert "é" in printed


def test_complaints_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    complain("no")
    with pytest.raises(typer.Exit) as left:
        refuse("never")
    assert left.value.exit_code == 2
    assert capsys.readouterr() == ("", "no\nevenhand: never\n")
