"""``multipart/related`` as DICOMweb writes it (PS3.18 8.6.1.2), streamed both ways: no part is ever in memory as a whole."""

import re
import secrets
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser


class NotMultipart(Exception):
    """The body isn't what its content type says; the sentence says what to send."""


def new_boundary() -> str:
    """Return a boundary that no content holds."""
    return secrets.token_hex(16)


def content_type(part_type: str, boundary: str) -> str:
    """Return the content type of a body of such parts."""
    return f'multipart/related; type="{part_type}"; boundary={boundary}'


async def body(
    parts: AsyncIterable[tuple[dict[str, str], AsyncIterable[bytes]]], boundary: str
) -> AsyncIterator[bytes]:
    """Yield a body of parts: headers, and content as it comes."""
    async for headers, content in parts:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        yield f"--{boundary}\r\n{lines}\r\n".encode()
        async for chunk in content:
            yield chunk
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


@dataclass(frozen=True)
class _Begins:
    headers: dict[str, str]


class _Ends:
    pass


class Parts:
    """The parts of a body that is being received: ``async for headers, chunks in Parts(stream, boundary)``.

    A part's chunks must be read to their end before the next part is asked for. Raises ``NotMultipart``.
    """

    def __init__(self, stream: AsyncIterable[bytes], boundary: str) -> None:
        self._stream = aiter(stream)
        self._events: deque[_Begins | bytes | _Ends] = deque()
        self._headers: dict[str, str] = {}
        self._name = self._value = b""
        self._over = False
        self._parser = MultipartParser(boundary, {
            "on_part_begin": self._headers.clear,
            "on_header_field": self._on_name, "on_header_value": self._on_value, "on_header_end": self._on_header,
            "on_headers_finished": lambda: self._events.append(_Begins({**self._headers})),
            "on_part_data": lambda data, start, end: self._events.append(data[start:end]),
            "on_part_end": lambda: self._events.append(_Ends()),
            "on_end": self._on_end,
        })  # fmt: skip

    async def __aiter__(self) -> AsyncIterator[tuple[dict[str, str], AsyncIterator[bytes]]]:
        while (event := await self._next()) is not None:
            if isinstance(event, _Begins):
                yield event.headers, self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        while (event := await self._next()) is not None and not isinstance(event, _Ends):
            if isinstance(event, bytes):
                yield event

    async def _next(self) -> _Begins | bytes | _Ends | None:
        while not self._events:
            chunk = await anext(self._stream, b"")
            if not chunk:
                if not self._over:
                    raise NotMultipart("The body ends before its last part does. Send it again.")
                return None
            try:
                self._parser.write(chunk)
            except MultipartParseError:
                raise NotMultipart(
                    "The body isn't made of parts with the boundary that its content type names."
                ) from None
        return self._events.popleft()

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name = self._value = b""

    def _on_end(self) -> None:
        self._over = True


def boundary_of(said: str) -> str:
    """Return the boundary that a request's content type names. Raises ``NotMultipart``."""
    kind, _, rest = said.partition(";")
    found = re.search(r'boundary="?([^";,\s]{1,70})"?', rest)
    if kind.strip().lower() != "multipart/related" or found is None:
        raise NotMultipart('Send multipart/related; type="application/dicom"; boundary=…, one object a part.')
    return found[1]
