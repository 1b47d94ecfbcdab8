"""The least HTTP client: so that what is measured is the server, not who asks."""

import asyncio
from collections.abc import Callable


class Connection:
    """One kept-alive connection; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect to a port of this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 20))

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Send a request and return the answer's status and body; ``Idempotency_Key`` becomes ``Idempotency-Key``."""
        self._writer.write(_head(method, path, {"Content-Length": str(len(body)), **headers}) + body)
        status, length = await self._answer()
        return status, await self._reader.readexactly(length)

    def close(self) -> None:
        """Let go of it."""
        self._writer.close()

    async def _answer(self) -> tuple[int, int]:
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        return int(head.split(b" ", 2)[1]), int(length or 0)


class Follower(asyncio.Protocol):
    """A desk: asks for a stream of events and tells what came as it comes."""

    def __init__(self, request: bytes, tell: Callable[[bytes], None]) -> None:
        self._request, self._tell = request, tell

    @classmethod
    async def open(cls, port: int, path: str, tell: Callable[[bytes], None], **headers: str) -> asyncio.BaseTransport:
        """Follow ``path`` until the transport is closed."""
        request = _head("GET", path, {"Accept": "text/event-stream", **headers})
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: cls(request, tell), "127.0.0.1", port)
        return transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._tell(data)


def _head(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()
