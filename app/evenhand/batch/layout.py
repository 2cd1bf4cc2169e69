"""Which kinds of files there are, and which one a name or an option means. Data; opens nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from evenhand.checking import meant
from evenhand.errors import SettingsError

Kind = Literal["jsonl", "csv", "tsv", "parquet"]
PIPE = "-"
SUFFIXES: Mapping[str, Kind] = {
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "csv": "csv",
    "tsv": "tsv",
    "parquet": "parquet",
    "pq": "parquet",
}
DELIMITERS: Mapping[Kind, str] = {"csv": ",", "tsv": "\t"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    kind: Kind
    packed: bool = False


def layout_of(path: str, *, given: str | None, option: str) -> Layout:
    """`given` is the option's value and wins over the path's suffix; a pipe is JSON lines unless told.

    Raises:
        SettingsError: no such kind; Parquet through a pipe or gzip.
    """
    name = given or ("jsonl" if path == PIPE else path.rpartition("/")[2].partition(".")[2])
    words = name.lower().split(".")
    packed = words[-1] == "gz"
    kind = SUFFIXES.get(words[-2] if packed and len(words) > 1 else words[-1])
    if kind is None:
        raise SettingsError(_unknown(path, given, option))
    if kind == "parquet" and packed:
        raise SettingsError(f"{path}: Parquet packs its columns itself; leave out '.gz'")
    if kind == "parquet" and path == PIPE:
        raise SettingsError(f"{option}: Parquet can't go through a pipe; name a file instead of '-'")
    return Layout(kind=kind, packed=packed)


def _unknown(path: str, given: str | None, option: str) -> str:
    known = ", ".join(SUFFIXES)
    if given is None:
        return f"{path}: its suffix names no kind of file; use one of {known}, or say {option}"
    hint = meant(given, SUFFIXES)
    return f"{option}: '{given}' is no kind of file; use one of {known}{hint and f'; {hint}'}"
