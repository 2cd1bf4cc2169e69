"""`serve` and `demo` refuse settings that can't be used; tests/proxy/test_server.py runs the service itself."""

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_unusable_settings_end_in_a_sentence(run: Run, command: str) -> None:
    done = run(command, "--admin-port", "0", "--port", "0", "--host", "nowhere.invalid")
    assert done.returncode == 2
    assert b"The host 'nowhere.invalid' has no address here" in done.stderr
