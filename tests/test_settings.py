from typing import Any

import pytest

from evenhand.errors import SettingsError
from evenhand.settings import is_loopback, load_settings, origin_of, refuse_own_ports


def test_defaults_are_safe() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.admin_host, settings.admin_port) == ("127.0.0.1", 8080, "127.0.0.1", 8081)
    assert (settings.timeout_s, settings.connect_timeout_s, settings.grace_s, settings.body_bytes) == (600, 5, 120, 1_048_576)
    assert not settings.tenant_header


def test_flags_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_PORT", "9001")
    monkeypatch.setenv("EVENHAND_UPSTREAM", "https://images.example/")
    settings = load_settings(port=9002, host=None)
    assert (settings.port, settings.upstream, settings.host) == (9002, "https://images.example", "127.0.0.1")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"port": 99_999}, "--port 99999: input should be less than or equal to 65535."),
        ({"port": "x"}, "--port 'x': input should be a valid integer"),
        ({"port": 8081}, "port and admin_port are both 8081; give them different numbers"),
        ({"upstream": "ftp://host"}, "--upstream 'ftp://host': write it as scheme, host and port only"),
        ({"upstream": "https://user:pass@host"}, "write it as scheme, host and port only"),
        ({"upstream": "https://host/v1"}, "write it as scheme, host and port only"),
        ({"upstream": "https://host?x"}, "write it as scheme, host and port only"),
        ({"upstream": "http://host:99999"}, "--upstream"),
        ({"upstream": "http://localhost:8080"}, "is our own data port; point it at the image API instead"),
        ({"upstream": "http://127.0.0.9:8081/"}, "is our own admin port"),
        ({"upstream": "http://[::1]:8081"}, "is our own admin port"),
        ({"upstream": "http://localhost.:8081"}, "is our own admin port"),
        ({"admin_host": "0.0.0.0"}, "set EVENHAND_ADMIN_TOKEN or use 127.0.0.1"),
        ({"log_level": "loud"}, "--log-level 'loud'"),
        ({"timeout_s": 0}, "--timeout-s 0"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(flags: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(**flags)
    assert says.lower() in str(caught.value).lower()


def test_all_problems_are_told_at_once_and_name_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_PORT", "many")
    monkeypatch.setenv("EVENHAND_GRACE_S", "-1")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["EVENHAND_PORT 'many'", "EVENHAND_GRACE_S '-1'"]


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_ADMIN_TOKEN", "canary-token")
    monkeypatch.setenv("EVENHAND_SECRET", "canary-secret")
    assert "canary" not in repr(load_settings())


def test_an_admin_token_opens_the_admin_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_ADMIN_TOKEN", "t")
    assert load_settings(admin_host="0.0.0.0").admin_host == "0.0.0.0"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("a.example", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_other_ports_of_this_machine_are_fine() -> None:
    refuse_own_ports(load_settings(), ["http://127.0.0.1:9000", "https://127.0.0.1", "https://api.example:8080"])


def test_origin_of() -> None:
    assert origin_of("https://api.example:8443/") == "https://api.example:8443"
