"""What the operator gives for the requests comes in as text; address, body fields and headers go out.

Raises SettingsError for what can't be used; never repeats a header's value or a key.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from evenhand.errors import SettingsError


def target_of(url: str, path: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise SettingsError(
            f"--url '{_without_user(url)}' is no origin; write scheme, host and port, such as http://127.0.0.1:8080"
        )
    if parts.username or parts.password:
        raise SettingsError("--url holds a user or a password; name a variable with --key-env instead")
    return url.rstrip("/") + path


def _without_user(url: str) -> str:
    return url.split("?")[0].rpartition("@")[2]


def fields_of(given: Iterable[str]) -> dict[str, Any]:
    """Values are JSON where they can be read as such, else text."""
    found: dict[str, Any] = {}
    for each in given:
        name, mark, value = each.partition("=")
        if not (name and mark):
            raise SettingsError(f"--field '{each}' has no '='; write NAME=VALUE, such as size=256x256")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def headers_of(given: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        name, mark, value = (part.strip() for part in each.partition(":"))
        if not (name and mark and (name + value).isascii() and (name + value).isprintable()):
            raise SettingsError("a --header can't be used; write 'NAME: VALUE' in plain ASCII")
        found[name.lower()] = f"{found[name.lower()]},{value}" if name.lower() in found else value
    return found


def key_of(variable: str | None, *, header: str, environment: Mapping[str, str]) -> dict[str, str]:
    if variable is None:
        return {}
    key = environment.get(variable, "").strip()
    if not key:
        raise SettingsError(f"the environment has no '{variable}'; set it to the API key, or leave --key-env out")
    if not (key.isascii() and key.isprintable()):
        raise SettingsError(f"the value of '{variable}' is no API key; it must be plain ASCII in one line")
    return {header.lower(): f"Bearer {key}" if header.lower() == "authorization" else key}
