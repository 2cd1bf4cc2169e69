"""Identifiers of decisions and requests: sortable by time, no meaning inside."""

import os
import re
import secrets
import time

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"  # base 32 with the extended hex alphabet (RFC 4648 §7) sorts as numbers do
_PAIRS = tuple(first + second for first in _DIGITS for second in _DIGITS)
_PLACES = range(120, -1, -10)
_VALID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:@/+=-]{0,127}")
_RANDOM_BYTES, _AT_ONCE = 10, 256
_waiting: list[bytes] = []  # asked of the system for many at once, since each question costs more than an identifier
os.register_at_fork(after_in_child=_waiting.clear)


def _random_bits() -> int:
    """80 of them. Safe in threads: what is taken from the list is gone from it."""
    try:
        return int.from_bytes(_waiting.pop())
    except IndexError:
        fresh = secrets.token_bytes(_RANDOM_BYTES * _AT_ONCE)
        _waiting.extend(fresh[at : at + _RANDOM_BYTES] for at in range(_RANDOM_BYTES, len(fresh), _RANDOM_BYTES))
        return int.from_bytes(fresh[:_RANDOM_BYTES])


def new_id(prefix: str) -> str:
    """48 bits of milliseconds and 80 random bits in base 32 behind a prefix; later ones sort behind earlier ones."""
    number = (int(time.time() * 1000) << 80 | _random_bits()) << 2
    return f"{prefix}-{''.join([_PAIRS[number >> place & 1023] for place in _PLACES])}"


def request_id(given: bytes | None) -> str:
    """The client's own where it is short and printable, else a new one."""
    return given.decode("ascii") if given and _VALID.fullmatch(given) else new_id("r")
