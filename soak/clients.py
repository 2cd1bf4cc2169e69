"""Clients on raw sockets: some stay to the end, some hang up at every stage. Counts what came back, by kind."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from soak.traffic import KINDS, Kind, Sent

ANSWER_S = 60


@dataclass(slots=True, kw_only=True)
class Clients:
    """`port` and `admin` are the sidecar's. `answers` counts by kind and status; 0 is an answer cut off, -1 none."""

    port: int
    admin: int
    dice: random.Random
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    running: bool = True

    @property
    def sent(self) -> int:
        return self.answers.total()

    def wrong(self) -> dict[str, int]:
        """What came back and is not right for its kind."""
        right = {kind.name: kind.right for kind in KINDS}
        return {f"{name}: {status}": n for (name, status), n in self.answers.items() if right[name] and status not in right[name]}

    async def run(self, at_once: int, *, pause_s: float) -> None:
        """Until `running` is False."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(self._work(pause_s))

    async def _work(self, pause_s: float) -> None:
        weights = [kind.weight for kind in KINDS]
        while self.running:
            kind = self.dice.choices(KINDS, weights)[0]
            self.answers[kind.name, await self._one(kind)] += 1
            await asyncio.sleep(self.dice.expovariate(1 / pause_s))

    async def _one(self, kind: Kind) -> int:
        sent = kind.make(self.dice)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._exchange(sent)
        except TimeoutError:
            return -1

    async def _exchange(self, sent: Sent) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.admin if sent.admin else self.port)
        try:
            return await (left(sent, reader, writer) if sent.leave else stayed(sent, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            return 0
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def stayed(sent: Sent, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    writer.write(sent.raw)
    with suppress(ConnectionError):  # a refusal may come before all is sent
        await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    fields = head.lower().split(b"\r\n")
    length = next((int(line.partition(b":")[2]) for line in fields if line.startswith(b"content-length:")), None)
    body = await reader.read(-1)
    whole = len(body) == length if length is not None else body.endswith(b"0\r\n\r\n")
    return int(head[9:12]) if whole else 0


async def left(sent: Sent, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    head = sent.raw.index(b"\r\n\r\n") + 4
    until = {"half a head": head // 2, "a head": head, "half a body": (head + len(sent.raw)) // 2}
    writer.write(sent.raw[: until.get(sent.leave or "", len(sent.raw))])
    await writer.drain()
    if sent.leave == "the answer's start":
        await reader.read(100)
    else:
        await asyncio.sleep(0.02)
    writer.transport.abort()
    return 0
