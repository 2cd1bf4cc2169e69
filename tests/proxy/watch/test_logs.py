import json
import logging
import sys

import pytest

from evenhand.proxy.watch.logs import configure, log, where
from evenhand.settings import load_settings


def test_one_json_object_a_line_whatever_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    configure(load_settings())
    odd = "a\r\nb\x1b[31m\u2028\u0085\u202e"
    log.info("request", odd=odd)
    log.debug("hidden")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["odd"] == odd
    assert line.isascii()


def test_what_the_server_says_comes_without_traceback_or_message(capsys: pytest.CaptureFixture[str]) -> None:
    configure(load_settings())
    try:
        raise ValueError("secret prompt")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in %s", "app")
    line = json.loads(capsys.readouterr().err)
    assert line["says"] == "Exception in app"
    assert line["fault"].startswith("ValueError at test_logs.py:")
    assert "secret" not in json.dumps(line)


def test_a_closed_stderr_costs_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(load_settings(log_format="text"))
    with open("/dev/null", "w") as closed:
        monkeypatch.setattr(sys, "stderr", closed)
    log.info("nobody reads this")


def test_where_needs_no_traceback() -> None:
    assert where(KeyError("secret")) == "KeyError"
