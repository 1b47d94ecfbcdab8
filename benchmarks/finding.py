"""Finding one case among many: by name, number, phone number and mail box, and comparing a new patient with all others.

python -m benchmarks.finding <address of intake's database, which it fills> [10000]
"""

import asyncio
import random
import sys
import time
import tomllib
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path

import asyncpg

from benchmarks import open_cases
from services.intake import duplicates, search
from services.intake.store import findable, requests
from shared.clock import Clock
from shared.db import Database, Tx
from shared.ids import CaseId

TABLES = Path(__file__).parents[1] / "tests" / "intake" / "names"
ASKED = ("Mohamed Elsaid", "Ivanova Olga", "Xiao Ming Wang", "शर्मा राजेश", "Kim", "محمد", "Garcia", "Zzyzx Nobody")
TIMES = 200


async def main(url: str, many: int) -> None:
    """Fill, index and measure; print milliseconds."""
    chance = random.Random(7)
    await open_cases.fill(url, many)
    await _name(url, chance)
    db = await Database.connect(url, Clock(), size=2)
    try:
        cases = await _index(db)
        await _vacuum(url)
        print(f"{len(cases)} cases, each with patient and requester; {TIMES} times each; milliseconds")
        async with db.reading() as tx:
            some = await tx.fetch("SELECT case_number, phone, email FROM cases JOIN people USING (case_id) LIMIT 50")
        for kind, texts in (
            ("name", ASKED),
            ("case number", [row["case_number"] for row in some]),
            ("number with a slip", [row["case_number"][:-3] + "Z" + row["case_number"][-2:] for row in some]),
            ("phone", [row["phone"] for row in some]),
            ("mail box", [row["email"].replace("e", "ee", 1) for row in some]),
        ):
            await _measure(kind, db, lambda tx, texts=texts: search.search(tx, chance.choice(texts)))
        await _measure("compare a patient", db, lambda tx: duplicates.compare(chance.choice(cases), tx))
    finally:
        await db.close()


def _parts() -> tuple[list[str], list[str]]:
    """Return first and last parts of made-up names in a dozen scripts, to be put together anew."""
    people = [tomllib.loads(file.read_text(encoding="utf-8"))["person"] for file in sorted(TABLES.glob("*.toml"))]
    names = [row["name"].split() for table in people for person in table for row in person["rows"]]
    return [name[0] for name in names if len(name) > 1], [name[-1] for name in names if len(name) > 1]


async def _name(url: str, chance: random.Random) -> None:
    """Give everybody a name, a phone number and a birthday of their own."""
    first, last = _parts()
    connection = await asyncpg.connect(url)
    rows = [
        (row["case_id"], row["role"], f"{chance.choice(first)} {chance.choice(last)}", f"+{chance.randrange(10**9, 10**12)}",
         f"{n}.{chance.choice('abcdefgh')}@{chance.choice(('mail', 'post', 'box'))}.example",
         date(1935, 1, 1) + timedelta(days=chance.randrange(30_000)))
        for n, row in enumerate(await connection.fetch("SELECT case_id, role FROM people ORDER BY case_id, role"))
    ]  # fmt: skip
    await connection.executemany(
        """UPDATE people SET name = $3, phone = $4, email = $5, birth_date = CASE role WHEN 'patient' THEN $6::date END
           WHERE case_id = $1 AND role = $2""",
        rows,
    )
    await connection.close()


async def _index(db: Database) -> list[CaseId]:
    async with db.transaction() as tx:
        cases = [row["case_id"] for row in await tx.fetch("SELECT case_id FROM cases")]
        began = time.perf_counter()
        for case_id in cases:
            await findable.put(tx, case_id, (await requests.people(tx, case_id)).values())
        print(f"made findable: {(time.perf_counter() - began) / len(cases) * 1000:.2f} ms a case")
    return cases


async def _vacuum(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def _measure(kind: str, db: Database, work: Callable[[Tx], Awaitable[object]]) -> None:
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        async with db.transaction() as tx:
            await work(tx)
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    print(f"{kind:20} p50 {took[TIMES // 2]:7.1f}   p99 {took[TIMES * 99 // 100]:7.1f}   most {took[-1]:7.1f}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000))
