"""Decisions in a database: the table, its lines in and out, by SQLAlchemy on SQLite or PostgreSQL.

A URL may hold a password: nothing here says more of it than host and database.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError

from evenhand.errors import EvenhandError, SettingsError

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
# Seconds, but for `tcp_user_timeout` in milliseconds; a URL's own options win.
_OPTIONS: dict[str, dict[str, Any]] = {
    "sqlite": {"timeout": 5},
    "postgresql": {"connect_timeout": 5, "tcp_user_timeout": 15_000, "client_encoding": "utf8"},
}
_NAMES = ("id", "revision", "route", "tenant", "outcome", "status", "upstream_status", "refused", "overhead_ms")
TABLE = sa.Table(
    "evenhand_decisions",
    sa.MetaData(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False, index=True),
    sa.Column("revision", sa.Text, nullable=False),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("upstream_status", sa.Integer, nullable=False),
    sa.Column("refused", sa.Boolean, nullable=False),
    sa.Column("overhead_ms", sa.Float, nullable=False),
    sa.Column("line", sa.JSON, nullable=False),
)


def engine_of(url: str) -> Engine:
    """Connects to nothing yet. Raises SettingsError for a URL or driver that can't be used."""
    try:
        made = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(
            "The database URL can't be read; write it as sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE."
        ) from None
    kind = made.get_backend_name()
    if kind == "postgresql":
        made = made.set(drivername="postgresql+psycopg")
    options = {name: value for name, value in _OPTIONS.get(kind, {}).items() if name not in made.query}
    try:
        # Lines come and go as they were written; errors never quote what was to be stored.
        engine = sa.create_engine(
            made, json_serializer=_as_written, hide_parameters=True, pool_pre_ping=True, connect_args=options
        )
    except (ImportError, NoSuchModuleError, SQLAlchemyError, ValueError):
        raise SettingsError(
            f"There is no driver for '{made.drivername}'; install it with: pip install 'evenhand[database]'"
        ) from None
    if kind == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _as_written(line: str) -> str:
    return line


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """Readers must not hold the writer up; one sync a checkpoint is enough for a log."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def create_table(engine: Engine) -> None:
    """Also keeps a new SQLite file from others' eyes. Raises SQLAlchemyError or OSError."""
    if engine.dialect.name == "sqlite" and engine.url.database:
        with suppress(FileExistsError):
            os.close(os.open(engine.url.database, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    TABLE.metadata.create_all(engine)


def insert_lines(engine: Engine, lines: Sequence[bytes]) -> None:
    """All or none; a decision that is stored already is let be. Raises SQLAlchemyError."""
    insert = _INSERTS[engine.dialect.name](TABLE).on_conflict_do_nothing(index_elements=["id"])
    with engine.begin() as connection:
        connection.execute(insert, [_row(line) for line in lines])


def _row(line: bytes) -> dict[str, Any]:
    text = line.decode("ascii").rstrip("\n")
    record = json.loads(text)
    if "\\u0000" in text or "\\ud" in text:
        record = _storable(record)
        text = json.dumps(record, separators=(",", ":"))
    columns = {name: record[name] for name in _NAMES}
    return {**columns, "timestamp": datetime.fromisoformat(record["timestamp"]), "line": text}


def _storable(value: Any) -> Any:
    """Without NUL and halves of surrogate pairs: PostgreSQL stores them in JSON but fails every query that meets one."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return {key: _storable(each) for key, each in value.items()} if isinstance(value, dict) else value


def stored_lines(url: str) -> Iterator[bytes]:
    """In the order of their time, a thousand at a time. Raises EvenhandError where they can't be read."""
    engine = engine_of(url)
    if engine.dialect.name == "sqlite" and not os.path.isfile(engine.url.database or ""):
        raise EvenhandError(f"The database {shown(engine.url)} can't be read: there is no such file.")
    wanted = sa.select(sa.cast(TABLE.c.line, sa.Text)).order_by(TABLE.c.timestamp, TABLE.c.id)
    try:
        with engine.connect().execution_options(yield_per=1_000) as connection:
            for (line,) in connection.execute(wanted):
                yield line.encode()
    except SQLAlchemyError as fault:
        raise EvenhandError(f"The database {shown(engine.url)} can't be read: {told(fault, engine.url)}.") from None
    finally:
        engine.dispose()


def shown(url: URL) -> str:
    """Without user, password and options."""
    host = f"{url.host}:{url.port}" if url.port else url.host or ""
    return f"{url.get_backend_name()}://{host}/{url.database or ''}"


def told(fault: BaseException, url: URL) -> str:
    """What the database says of itself; of anything else only its kind, since it may quote what was to be stored."""
    if isinstance(fault, OperationalError) and fault.orig is not None:
        said = str(fault.orig).strip().partition("\n")[0]
        return said.replace(url.password, "***") if url.password else said
    kind = type(fault.orig if isinstance(fault, DBAPIError) and fault.orig is not None else fault).__name__
    return f"{getattr(fault, 'strerror', None) or kind}"
