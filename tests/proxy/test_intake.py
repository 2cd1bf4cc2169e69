import asyncio
import gzip
import mmap
import os
import resource
import socket
import tempfile
import tracemalloc
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from evenhand.errors import BodyError
from evenhand.proxy import intake as take_in_room
from evenhand.proxy.headers import Pairs
from evenhand.proxy.incoming import ClientGoneError, Message, Receive, Scope, Send
from evenhand.proxy.intake import Intake, take_in

MB = 1_000_000
GZIP: Pairs = [(b"content-encoding", b"gzip")]
GONE: Message = {"type": "http.disconnect"}


def receive_of(messages: Iterable[Message], *, pause_s: float = 0) -> Receive:
    waiting = iter(messages)

    async def receive() -> Message:
        await asyncio.sleep(pause_s)
        for message in waiting:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    return receive


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def in_parts(body: bytes, step: int = 65_536) -> Iterator[Message]:
    for at in range(0, len(body), step):
        yield part(body[at : at + step], more=True)
    yield part(b"")


async def taken(
    messages: Iterable[Message],
    pairs: Pairs | None = None,
    *,
    limit: int = 100 * MB,
    timeout_s: float = 30,
    keep_bytes: int = MB,
    decode: bool = True,
    pause_s: float = 0,
    is_here: bool = False,
) -> Intake:
    receive = receive_of(messages, pause_s=pause_s)
    return await take_in(
        receive, pairs or [], limit=limit, timeout_s=timeout_s, keep_bytes=keep_bytes, decode=decode, is_here=is_here
    )


def open_files() -> set[str]:
    """What the process holds open of temporary files, as descriptors and as maps."""
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    held = {os.readlink(link) for link in links if os.path.lexists(link)}
    maps = {line.split(maxsplit=5)[-1] for line in Path("/proc/self/maps").read_text().splitlines()}
    return {name for name in held | maps if name.endswith("(deleted)") and name.startswith(tempfile.gettempdir())}


@pytest.fixture(autouse=True)
def nothing_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    yield
    assert not open_files()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("keep_bytes", [0, 1, 3, 99_999, 100_000])
@pytest.mark.parametrize("step", [1000, 65_536, 200_000])
async def test_reads_all_parts(keep_bytes: int, step: int) -> None:
    body = os.urandom(100_000)
    with await taken(in_parts(body, step), keep_bytes=keep_bytes) as intake:
        assert isinstance(intake.body, mmap.mmap if keep_bytes < len(body) else bytes)
        assert intake.body[:] == body
        assert (len(intake), intake.decoded) == (len(body), False)


async def test_one_part_is_not_copied() -> None:
    body = b"abc" * 1000
    intake = await taken([part(body)])
    assert intake.body is body


@pytest.mark.parametrize("keep_bytes", [0, MB])
@pytest.mark.parametrize("pairs", [[], GZIP])
async def test_what_is_here_already_is_read_alike(keep_bytes: int, pairs: Pairs) -> None:
    sent = gzip.compress(b"body") if pairs else b"body"
    with await taken([part(sent)], pairs, keep_bytes=keep_bytes, timeout_s=0, is_here=True) as intake:
        assert (bytes(intake.body[:]), intake.decoded) == (b"body", bool(pairs))
    with pytest.raises(BodyError, match="larger than 3 bytes"):
        await taken([part(b"body")], limit=3, keep_bytes=keep_bytes, is_here=True)
    with pytest.raises(ClientGoneError):
        await taken([GONE], keep_bytes=keep_bytes, is_here=True)


async def test_no_body() -> None:
    with await taken([part(b"")], keep_bytes=0) as intake:
        assert (intake.body, len(intake)) == (b"", 0)


async def test_a_large_body_lies_on_disk_unlinked(tmp_path: Path) -> None:
    body = os.urandom(5 * MB)
    intake = await taken(in_parts(body))
    assert isinstance(intake.body, mmap.mmap)
    assert not os.listdir(tmp_path)
    assert [name for name in open_files() if name.startswith(str(tmp_path))]
    assert intake.body[:] == body
    with pytest.raises(TypeError):
        intake.body[0] = 1
    await intake.aclose()
    await intake.aclose()


async def test_closing_while_somebody_looks() -> None:
    intake = await taken(in_parts(b"abc"), keep_bytes=0)
    view = memoryview(intake.body)
    intake.close()
    assert bytes(view) == b"abc"
    view.release()
    intake.close()


@pytest.mark.parametrize("keep_bytes", [0, 30_000, MB])
async def test_a_content_encoding_is_taken_off(keep_bytes: int) -> None:
    body = os.urandom(50_000) * 3
    with await taken(in_parts(gzip.compress(body), 777), GZIP, keep_bytes=keep_bytes) as intake:
        assert (intake.body[:], intake.decoded) == (body, True)


async def test_a_content_encoding_stays_on() -> None:
    body = gzip.compress(b"abc")
    with await taken(in_parts(body), GZIP, decode=False) as intake:
        assert (intake.body, intake.decoded) == (body, False)
    with await taken([part(b"abc")], [(b"content-encoding", b"identity")]) as intake:
        assert (intake.body, intake.decoded) == (b"abc", False)


@pytest.mark.parametrize(
    ("pairs", "messages", "status", "says"),
    [
        ([(b"content-length", b"4")], [], 413, "The request body is larger than 3 bytes, the limit here; send less."),
        ([], [part(b"abcd")], 413, "larger than 3 bytes"),
        ([(b"content-length", b"1")], [part(b"ab", more=True), part(b"cd")], 413, "larger than 3 bytes"),
        ([(b"content-encoding", b"compress")], [], 415, "'compress'"),
        (GZIP, [part(b"abc")], 400, "not valid gzip"),
        (GZIP, [part(gzip.compress(b"abc")[:3])], 400, "ends within"),
        (GZIP, [part(b"")], 400, "ends within"),
        ([], [part(b"a", more=True)], 408, "The request body did not arrive within 0.05 s; send it faster."),
        ([], [], 408, "within 0.05 s"),
    ],
)
@pytest.mark.parametrize("keep_bytes", [0, 10])
async def test_faults(pairs: Pairs, messages: list[Message], status: int, says: str, keep_bytes: int) -> None:
    with pytest.raises(BodyError) as caught:
        await taken(messages, pairs, limit=3, timeout_s=0.05, keep_bytes=keep_bytes)
    assert caught.value.status == status
    assert says in str(caught.value)


@pytest.mark.parametrize("keep_bytes", [0, MB])
async def test_a_bomb(keep_bytes: int) -> None:
    with pytest.raises(BodyError) as caught:
        await taken(in_parts(gzip.compress(bytes(20 * MB))), GZIP, limit=2 * MB, keep_bytes=keep_bytes)
    assert caught.value.status == 413


async def test_progress_moves_the_deadline() -> None:
    with await taken([part(b"a", more=True)] * 5 + [part(b"b")], timeout_s=1, pause_s=0.25) as intake:
        assert intake.body == b"aaaaab"


async def test_drops_are_no_way_around_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a total below the deadline between pieces, so that a slow machine meets the total first, too."""
    monkeypatch.setattr(take_in_room, "TOTAL_TIMES", 0.5)

    def endless() -> Iterator[Message]:
        while True:
            yield part(b"a", more=True)

    with pytest.raises(BodyError, match=r"within 0\.25 s") as caught:
        await taken(endless(), timeout_s=0.5, pause_s=0.01)
    assert caught.value.status == 408


@pytest.mark.parametrize("keep_bytes", [0, MB])
async def test_a_client_that_leaves_while_sending(keep_bytes: int) -> None:
    with pytest.raises(ClientGoneError):
        await taken([part(b"a" * 10, more=True), GONE], keep_bytes=keep_bytes)


async def test_a_cancelled_task_leaves_nothing() -> None:
    for pause_s in (0, 0.001, 0.005, 0.02):
        task = asyncio.create_task(taken([part(bytes(MB), more=True)] * 50, keep_bytes=0, limit=100 * MB))
        await asyncio.sleep(pause_s)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_503_without_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(BodyError, match="No such file or directory") as caught:
        await taken([part(b"abc")], keep_bytes=0)
    assert caught.value.status == 503
    monkeypatch.setattr(tempfile, "tempdir", None)


async def test_503_on_a_full_disk() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MB, hard))
    try:
        with pytest.raises(BodyError, match="File too large") as caught:
            await taken(in_parts(bytes(5 * MB)), keep_bytes=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.status == 503


@pytest.mark.parametrize(("keep_bytes", "most"), [(100 * MB, 38 * MB), (MB, 4 * MB)])
@pytest.mark.parametrize("pairs", [[], GZIP])
async def test_memory(keep_bytes: int, most: int, pairs: Pairs) -> None:
    """20 MB of body; the gzip of a repetitive one arrives in a single piece."""
    packed = gzip.compress(bytes(20 * MB)) if pairs else b""
    messages = [part(packed)] if pairs else (part(bytes(50_000), more=at < 399) for at in range(400))
    tracemalloc.start()
    intake = await taken(messages, pairs, keep_bytes=keep_bytes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with intake:
        assert len(intake) == 20 * MB
    assert peak < most


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    """A uvicorn that answers how long the body was, or the status of the error."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with await take_in(receive, scope["headers"], limit=30 * MB, timeout_s=30, keep_bytes=MB, decode=True) as intake:
                status, text = 200, f"{len(intake)} {intake.decoded} {type(intake.body).__name__}"
        except BodyError as fault:
            status, text = fault.status, str(fault)
        await send({"type": "http.response.start", "status": status, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body", "body": text.encode()})

    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical"))
    with socket.create_server(("127.0.0.1", 0)) as port:
        task = asyncio.create_task(server.serve(sockets=[port]))
        yield f"http://127.0.0.1:{port.getsockname()[1]}/"
        server.should_exit = True
        await task


@pytest.mark.parametrize(
    ("body", "coding", "says"),
    [
        (b"abc", None, "3 False bytes"),
        (bytes(20 * MB), None, "20000000 False mmap"),
        (gzip.compress(bytes(20 * MB)), "gzip", "20000000 True mmap"),
        (gzip.compress(bytes(40 * MB)), "gzip", "larger than 30,000,000 bytes"),
        (b"abc", "compress", "'compress'"),
    ],
)
async def test_over_a_socket(body: bytes, coding: str | None, says: str) -> None:
    headers = {"content-encoding": coding} if coding else {}
    async with served() as url, httpx.AsyncClient(trust_env=False, timeout=30) as client:
        assert says in (await client.post(url, content=body, headers=headers)).text
