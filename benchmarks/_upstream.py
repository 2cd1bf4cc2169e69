"""The image API everybody is measured against: nginx with a fixed answer (an asyncio server where it is absent), and a slow one.

As a program: _upstream.py PORT FILE DELAY_S answers every request with the file's bytes after the delay.
"""

import asyncio
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httptools
from _machine import HERE
from _running import LOAD_CORE, free_port, image_request, started, until_ready
from _unseen import WORK

ANSWER_BYTES = 300
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@dataclass(frozen=True, slots=True)
class Upstream:
    """`answers(n)`: from now on answers have about n bytes."""

    port: int
    file: Path

    def answers(self, size: int) -> int:
        made = answer(size)
        fresh = self.file.with_suffix(".new")
        fresh.write_bytes(made)
        fresh.replace(self.file)
        return len(made)


def answer(size: int) -> bytes:
    picture = {"b64_json": "iVBORw0KGgoQ" * max((size - 130) // 12, 1)}
    return json.dumps({"created": 1764000000, "data": [picture], "usage": {"input_tokens": 25, "output_tokens": 272}}).encode()


@contextmanager
def upstream(*, delay_s: float = 0.0) -> Iterator[Upstream]:
    port = free_port()
    folder = WORK / f"upstream-{port}"
    file = folder / "answers" / "answer.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(answer(ANSWER_BYTES))
    command = [sys.executable, __file__, port, file, delay_s]
    if NGINX and not delay_s:
        command = [NGINX, "-p", folder, "-c", written(HERE / "peers/nginx/upstream.conf", folder, PORT=port, FOLDER=folder)]
    with started(command, name="upstream", core=LOAD_CORE) as child:
        until_ready(child, image_request(port), name="upstream")
        yield Upstream(port, file)
    shutil.rmtree(folder)


def written(template: Path, folder: Path, **values: object) -> Path:
    """A peer's configuration with its ports and folders filled in."""
    text = template.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(name, str(value))
    path = folder / template.name
    path.write_text(text, encoding="utf-8")
    return path


class Api(asyncio.Protocol):
    """Answers each request of a connection, after the delay, with the file as it is then."""

    def __init__(self, file: Path, delay_s: float) -> None:
        self.file, self.delay_s = file, delay_s

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        asyncio.get_running_loop().call_later(self.delay_s, self.reply)

    def reply(self) -> None:
        body = self.file.read_bytes()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)


async def serve(port: int, file: Path, delay_s: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Api(file, delay_s), "127.0.0.1", port, backlog=4_096)
    await server.serve_forever()


if __name__ == "__main__":
    from evenhand.proxy.protocol import loop_factory

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
