"""Identifiers of decisions and requests: sortable by time, no meaning inside."""

import base64
import re
import secrets
import time

_VALID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:@/+=-]{0,127}")


def new_id(prefix: str) -> str:
    """48 bits of milliseconds and 80 random bits in base 32 behind a prefix; later ones sort behind earlier ones."""
    moment = int(time.time() * 1000).to_bytes(6)
    return f"{prefix}-{base64.b32hexencode(moment + secrets.token_bytes(10))[:26].decode()}"


def request_id(given: bytes | None) -> str:
    """The client's own where it is short and printable, else a new one."""
    return given.decode("ascii") if given and _VALID.fullmatch(given) else new_id("r")
