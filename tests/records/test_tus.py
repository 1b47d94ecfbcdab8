"""Resumable uploads: what is answered is durable, whoever dies; and the protocol is spoken as it is written."""

import asyncio
import base64
import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from services.records import vault
from services.records.erasing import erase
from tests.records.conftest import PDF, Case
from tests.records.tus import BODY, TUS, begin, offset_of, patch


def a_file(size: int, seed: int = 1) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + random.Random(seed).randbytes(size - 8)


async def test_a_file_comes_in_pieces_and_is_whole(case: Case) -> None:
    body = a_file(9 << 20)
    made = await begin(case, len(body))
    place = made.headers["Location"]
    assert (made.status_code, await offset_of(case, place)) == (201, 0)

    for at in range(0, len(body), 3 << 20):
        answer = await patch(case, place, at, body[at : at + (3 << 20)])
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(at + (3 << 20)))

    assert await offset_of(case, place) == len(body)
    [row] = await case.records.fetch("SELECT id, size_bytes, verdict, cardinality(segment_keys) AS n FROM documents")
    assert (str(row["id"]), row["size_bytes"], row["verdict"], row["n"]) == (
        place.rsplit("/", 1)[1],
        len(body),
        "waiting",
        3,
    )
    file = await vault.open_document(case.records.ctx, row["id"])
    assert b"".join([chunk async for chunk in file.chunks()]) == body
    for start, length in ((0, 10), (vault.SEGMENT - 5, 10), (5_000_000, 300_000), (len(body) - 3, 10)):
        assert await file.read(start, length) == body[start : start + length]


async def test_the_protocol_is_spoken_as_it_is_written(case: Case) -> None:
    item = await case.item("clinical_summary")
    told = await case.patient.options(f"{case.api}/items/{item['id']}/uploads")
    assert told.headers["Tus-Version"] == "1.0.0"
    assert {"creation", "termination", "checksum"} <= set(told.headers["Tus-Extension"].split(","))
    place = (await begin(case, len(PDF))).headers["Location"]

    answers = [
        await patch(case, place, 5, PDF[5:]),
        await case.patient.patch(place, content=PDF, headers=TUS | {"Upload-Offset": "0"}),
        await case.patient.patch(place, content=PDF, headers=BODY | {"Upload-Offset": "x"}),
        await patch(case, place, 0, PDF + b"!"),
        await patch(case, place, 0, PDF, **{"Upload-Checksum": "sha256 " + base64.b64encode(bytes(32)).decode()}),
        await patch(case, place, 0, PDF, **{"Upload-Checksum": "md5 x"}),
        await case.patient.head(place),
        await case.patient.head(f"{case.api}/uploads/{uuid4()}", headers=TUS),
        await case.manager.head(place, headers=TUS),
    ]
    assert [answer.status_code for answer in answers] == [409, 415, 400, 413, 460, 400, 412, 404, 404]
    assert await offset_of(case, place) == 0
    checksum = {"Upload-Checksum": "sha256 " + base64.b64encode(hashlib.sha256(PDF).digest()).decode()}
    assert (await patch(case, place, 0, PDF, **checksum)).status_code == 204
    assert (await patch(case, place, len(PDF), b"")).status_code == 409


async def test_what_is_given_up_leaves_nothing_and_what_is_whole_stays(case: Case, tmp_path: Path) -> None:
    body = a_file(6 << 20)
    place = (await begin(case, len(body))).headers["Location"]
    await patch(case, place, 0, body[: vault.SEGMENT])
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()]

    assert (await case.patient.delete(place, headers=TUS)).status_code == 204
    assert (await case.patient.head(place, headers=TUS)).status_code == 404
    assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    whole = (await begin(case, len(PDF))).headers["Location"]
    await patch(case, whole, 0, PDF)
    assert (await case.patient.delete(whole, headers=TUS)).status_code == 404
    assert await offset_of(case, whole) == len(PDF)


async def test_one_key_is_one_upload_and_what_no_item_takes_is_refused_in_words(case: Case) -> None:
    key = {"Idempotency-Key": "the-same-file"}
    first, again = await begin(case, len(PDF), **key), await begin(case, len(PDF), **key)
    assert first.headers["Location"] == again.headers["Location"]

    html = (await begin(case, 3000)).headers["Location"]
    refused = await patch(case, html, 0, b"<html><script>".ljust(3000))
    empty, large = await begin(case, 0), await begin(case, 1 << 35)
    assert [refused.status_code, empty.status_code, large.status_code] == [415, 415, 413]
    assert refused.json()["detail"].endswith("Office document or ZIP.")
    assert await offset_of(case, html) == 0


async def test_a_sender_that_breaks_off_loses_nothing_that_came(case: Case) -> None:
    body = a_file(7 << 20)
    place = (await begin(case, len(body))).headers["Location"]

    async def broken() -> AsyncIterator[bytes]:
        yield body[: 5 << 20]
        raise ConnectionResetError

    assert (await patch(case, place, 0, broken())).status_code >= 500
    assert await offset_of(case, place) == 5 << 20
    assert (await patch(case, place, 5 << 20, body[5 << 20 :])).status_code == 204


async def test_a_vouched_piece_counts_when_it_is_as_it_was_sent_and_what_came_of_one_that_breaks_off(
    case: Case,
) -> None:
    body = a_file(7 << 20)
    piece = body[: vault.SEGMENT]
    vouched = {
        "Upload-Checksum": "sha256 " + base64.b64encode(hashlib.sha256(piece).digest()).decode(),
        "Content-Length": str(len(piece)),
    }
    place = (await begin(case, len(body))).headers["Location"]
    damaged = bytearray(piece)
    damaged[-1] ^= 1
    assert (await patch(case, place, 0, bytes(damaged), **vouched)).status_code == 460
    assert await offset_of(case, place) == 0

    async def broken() -> AsyncIterator[bytes]:
        yield piece[: 3 << 20]
        raise ConnectionResetError

    assert (await patch(case, place, 0, broken(), **vouched)).status_code >= 500
    assert await offset_of(case, place) == 3 << 20


async def test_a_server_that_is_told_to_stop_keeps_what_counts_and_nothing_out_of_place(case: Case) -> None:
    body, small = a_file(13 << 20), 1 << 16
    place = (await begin(case, len(body))).headers["Location"]

    async def until(end: int, offset: int) -> AsyncIterator[bytes]:
        for at in range(offset, len(body), small):
            if at >= end:
                sending.cancel()
            yield body[at : at + small]

    for end in range(0, len(body), (1 << 20) + 5 * small):
        offset = await offset_of(case, place)
        sending = asyncio.create_task(patch(case, place, offset, until(end, offset)))
        with suppress(asyncio.CancelledError):
            await sending
    offset = await offset_of(case, place)
    assert offset > 0
    assert (await patch(case, place, offset, body[offset:])).status_code == 204
    [row] = await case.records.fetch("SELECT id FROM documents")
    file = await vault.open_document(case.records.ctx, row["id"])
    assert b"".join([chunk async for chunk in file.chunks()]) == body


async def test_of_two_that_send_at_once_one_is_told_where_it_stands(case: Case) -> None:
    body = a_file(9 << 20)
    place = (await begin(case, len(body))).headers["Location"]
    started, go = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield body[: 1 << 20]
        started.set()
        await go.wait()
        yield body[1 << 20 :]

    first = asyncio.create_task(patch(case, place, 0, slow()))
    await started.wait()
    second = await patch(case, place, 0, body)
    go.set()
    assert (second.status_code, (await first).status_code) == (204, 409)
    [row] = await case.records.fetch("SELECT id FROM documents")
    file = await vault.open_document(case.records.ctx, row["id"])
    assert b"".join([chunk async for chunk in file.chunks()]) == body


async def test_erasing_a_cases_key_erases_its_files(case: Case, tmp_path: Path) -> None:
    document = await case.uploads("clinical_summary")
    assert await erase(case.records.ctx, case.id) == 1

    assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    answer = await case.patient.get(f"{case.api}/documents/{document}/content")
    assert answer.status_code == 410
    assert (await begin(case, len(PDF))).status_code == 201
    assert (await patch(case, (await begin(case, len(PDF))).headers["Location"], 0, PDF)).status_code == 410
