"""A TCP proxy in a thread of its own: spreads connections over several servers, can slow and cut them.

It knows bytes and connections only. A connection goes to the next server in turn that takes it, so one that
is being restarted gets none.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

CHUNK = 65_536
CONNECT_WITHIN_S = 2.0


class Wire:
    """Listens on a free port of this machine and passes on to `targets`, ports of this machine.

    delay_s: how long every chunk is held up in each direction.
    """

    def __init__(self, targets: Sequence[int]) -> None:
        self.targets = list(targets)
        self.delay_s = 0.0
        self._turn = 0
        self._whole = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._thread.start()
        self._server: asyncio.Server = self._run(self._listen(listener))

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self, listener: socket.socket) -> asyncio.Server:
        self._whole.set()
        return await asyncio.start_server(self._serve, sock=listener)

    def cut(self) -> None:
        """End every connection, and every new one at once, until `mend`."""
        self._run(self._cut())

    async def _cut(self) -> None:
        self._whole.clear()
        for writer in list(self._writers):
            writer.transport.abort()

    def mend(self) -> None:
        """Take connections again, without delay."""
        self.delay_s = 0.0
        self._loop.call_soon_threadsafe(self._whole.set)

    def close(self) -> None:
        """Stop listening and end every connection."""
        self._run(self._cut())
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole.is_set():
            writer.transport.abort()
            return
        there = await self._connect()
        if there is None:
            writer.transport.abort()
            return
        self._writers |= {writer, there[1]}
        try:
            await asyncio.gather(self._pass(reader, there[1]), self._pass(there[0], writer))
        finally:
            for end in (writer, there[1]):
                self._writers.discard(end)
                end.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """To the next server that takes connections."""
        for _ in range(len(self.targets)):
            self._turn += 1
            port = self.targets[self._turn % len(self.targets)]
            with suppress(OSError, TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), CONNECT_WITHIN_S)
        return None

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(data)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.write_eof()


def until(met: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for something to become true. Errors: AssertionError, saying what did not."""
    waited = threading.Event()
    for _ in range(round(seconds / 0.05)):
        if met():
            return
        waited.wait(0.05)
    raise AssertionError(f"not within {seconds:g} s: {what}")
