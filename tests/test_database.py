"""URLs that can't be used are told without their password; lines come out as they went in. PostgreSQL: see proxy/test_sinks."""

import json
from pathlib import Path

import pytest

from evenhand.database import create_table, engine_of, insert_lines, shown, stored_lines, told
from evenhand.errors import EvenhandError, SettingsError

LINE = {
    "id": "d-1",
    "timestamp": "2026-01-02T03:04:05.678Z",
    "revision": "3f9c2a51",
    "route": "rewrite",
    "tenant": "",
    "outcome": "rewritten",
    "status": 200,
    "upstream_status": 0,
    "refused": False,
    "overhead_ms": 0.5,
}


def line(**more: object) -> bytes:
    return json.dumps({**LINE, **more}).encode() + b"\n"


def test_lines_come_out_in_the_order_of_their_time_and_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/d.db"
    engine = engine_of(url)
    create_table(engine)
    later = line(id="d-0", timestamp="2026-01-02T03:04:06.000Z")
    insert_lines(engine, [later, line()])
    insert_lines(engine, [line(outcome="bypass")])
    create_table(engine)
    engine.dispose()
    assert list(stored_lines(url)) == [line().rstrip(), later.rstrip()]
    assert (tmp_path / "d.db").stat().st_mode & 0o777 == 0o600


def test_what_no_database_can_query_is_replaced(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/d.db"
    engine = engine_of(url)
    create_table(engine)
    insert_lines(engine, [line(tenant="a\0b", notes=["\ud800", "\U0001f469", "a backslash \\u0000"])])
    engine.dispose()
    (stored,) = map(json.loads, stored_lines(url))
    assert (stored["tenant"], stored["notes"]) == ("a\ufffdb", ["\ufffd", "\U0001f469", "a backslash \\u0000"])


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql+psycopg://me:hunter2@host:port/db", "The database URL can't be read"),
        ("postgresql+nothing://me:hunter2@host/db", None),
        ("nothing://me:hunter2@host/db", "There is no driver for 'nothing'"),
    ],
)
def test_urls_that_cannot_be_used(url: str, says: str | None) -> None:
    if says is None:
        assert engine_of(url).dialect.driver == "psycopg", "we know one driver for PostgreSQL"
        return
    with pytest.raises(SettingsError, match=says) as caught:
        engine_of(url)
    assert "hunter2" not in str(caught.value)


def test_a_url_is_shown_without_user_password_and_options() -> None:
    engine = engine_of("postgresql://me:hunter2@host:5433/db?sslpassword=hunter3")
    assert shown(engine.url) == "postgresql://host:5433/db"


def test_a_missing_database_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvenhandError, match="there is no such file"):
        list(stored_lines(f"sqlite:///{tmp_path}/no.db"))
    assert not (tmp_path / "no.db").exists()
    (tmp_path / "other.db").touch()
    with pytest.raises(EvenhandError, match="no such table"):
        list(stored_lines(f"sqlite:///{tmp_path}/other.db"))
    (tmp_path / "text.db").write_text("no database at all, whatever its name may say")
    with pytest.raises(EvenhandError, match=r"can't be read: DatabaseError"):
        list(stored_lines(f"sqlite:///{tmp_path}/text.db"))


def test_other_faults_are_told_by_their_kind_only() -> None:
    url = engine_of("sqlite:///d.db").url
    assert told(ValueError("a doctor"), url) == "ValueError"
    assert told(OSError(28, "No space left on device"), url) == "No space left on device"
