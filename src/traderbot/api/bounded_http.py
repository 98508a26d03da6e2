"""HTTP connections that cannot be held open or filled up by somebody who never finishes a request's head."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 65_536
HEAD_WITHIN_S = 15.0


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol with a limit on the size of a request's head, and on the time it may take.

    A connection that breaks either is closed; uvicorn itself closes those that are idle between requests.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._head_bytes = 0
        self._head_complete = False
        self._patience = self.loop.call_later(HEAD_WITHIN_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._head_complete:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._give_up()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        self._head_complete = False
        self._patience.cancel()
        self._patience = self.loop.call_later(HEAD_WITHIN_S, self._give_up)

    def on_headers_complete(self) -> Any:
        self._head_complete = True
        self._patience.cancel()
        return super().on_headers_complete()

    def _give_up(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.close()
