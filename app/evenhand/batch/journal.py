"""How far a run has come, kept beside its output: rows done, offsets of both files, counts, and what run it was.

Replaced whole and flushed to the disk, always behind the data it tells of; so after a crash it never promises too much.
"""

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from evenhand.errors import SettingsError

VERSION = 1
SAMPLED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`output_bytes` and `bad_bytes` are good; whatever the files hold behind them is not. `whole`: every row is done."""

    rows: int = 0
    output_bytes: int = 0
    bad_bytes: int = 0
    seconds: float = 0.0
    whole: bool = False
    tally: Mapping[str, int] = field(default_factory=dict)


def save(path: Path, progress: Progress, identity: Mapping[str, object]) -> None:
    told = {"version": VERSION, "identity": identity, "progress": asdict(progress)}
    draft = path.with_name(f"{path.name}.draft")
    with draft.open("w", encoding="utf-8") as out:
        json.dump(told, out, ensure_ascii=False, indent=1)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)


def load(path: Path, identity: Mapping[str, object]) -> Progress | None:
    """None where there is no journal. Raises SettingsError where it tells of another run, or of nothing."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        ours = json.loads(json.dumps(identity))
        other = sorted(name for name in ours if ours[name] != told["identity"].get(name))
        if told["version"] != VERSION or other:
            what = ", ".join(other) or "the version of the journal"
            raise SettingsError(
                f"{path}: a run with other settings was broken off here ({what}); repeat it as it was, or say --force"
            )
        return Progress(**told["progress"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SettingsError(f"{path}: this is no journal of a run; move it away, or say --force") from None


def fingerprint(path: str) -> dict[str, object]:
    """Size, time of change and a hash of both ends of the input: cheap, and no edit goes unseen. A pipe has none.

    Raises:
        SettingsError: there is no such file.
    """
    total = hashlib.blake2b(digest_size=16)
    try:
        about = os.stat(path)
        if not stat.S_ISREG(about.st_mode):
            return {}
        with open(path, "rb") as data:
            total.update(data.read(SAMPLED_BYTES))
            data.seek(max(0, about.st_size - SAMPLED_BYTES))
            total.update(data.read(SAMPLED_BYTES))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; name a file that can be read") from None
    return {"bytes": about.st_size, "changed_ns": about.st_mtime_ns, "ends": total.hexdigest()}
