"""What the operator gives, and that no secret comes back in a complaint."""

import pytest

from evenhand.errors import SettingsError
from evenhand.probe.given import fields_of, headers_of, key_of, target_of


def test_a_target_is_origin_and_path() -> None:
    assert target_of("http://127.0.0.1:8080/", "/v1/x") == "http://127.0.0.1:8080/v1/x"
    assert target_of("https://h", "/v1/x") == "https://h/v1/x"


@pytest.mark.parametrize("url", ["h:80", "ftp://h", "http://h/v1", "http://h?key=canary", "http://u:canary@h", "http://", ""])
def test_what_is_no_origin(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        target_of(url, "/v1/x")
    assert "canary" not in str(caught.value)


def test_fields_are_json_where_they_can_be() -> None:
    assert fields_of(["size=256x256", "n=1", 'a={"b": [true]}', "q=x=y"]) == {
        "size": "256x256",
        "n": 1,
        "a": {"b": [True]},
        "q": "x=y",
    }
    with pytest.raises(SettingsError, match="write NAME=VALUE"):
        fields_of(["size"])


def test_headers() -> None:
    assert headers_of(["X-A: 1", "x-a: 2", "X-B:c:d"]) == {"x-a": "1,2", "x-b": "c:d"}


@pytest.mark.parametrize("given", ["canary", ": canary", "X-A: canary\r\nX-B: 1", "X-A: canär"])
def test_headers_that_cannot_be_used(given: str) -> None:
    with pytest.raises(SettingsError) as caught:
        headers_of([given])
    assert "can" not in str(caught.value).replace("can't", "")


def test_the_key() -> None:
    environment = {"K": " canary ", "EMPTY": "", "BAD": "can\nary"}
    assert key_of("K", header="Authorization", environment=environment) == {"authorization": "Bearer canary"}
    assert key_of("K", header="Api-Key", environment=environment) == {"api-key": "canary"}
    assert key_of(None, header="authorization", environment=environment) == {}
    for name, told in (("NONE", "the environment has no 'NONE'"), ("EMPTY", "has no 'EMPTY'"), ("BAD", "is no API key")):
        with pytest.raises(SettingsError, match=told):
            key_of(name, header="authorization", environment=environment)
