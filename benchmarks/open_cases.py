"""Many made-up open cases at once: intake's tables and its advisors' queue, filled as a long working year would.

python -m benchmarks.open_cases <address of intake's database> [10000]
"""

import asyncio
import json
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from services.intake.queues import REQUESTS, WAITING, Waiting
from shared import programme
from shared.ids import new_case_number, new_id

LANGUAGES = ("ar", "zh", "pt", "es", "ru", "hi", "en", "fr", "tr", "vi", "id", "bn")
COUNTRIES = ("JO", "CN", "BR", "MX", "KZ", "IN", "KE", "MA", "TR", "VN", "ID", "BD", "PT", "NO", "SA")
CHANNELS = ("web", "web", "web", "web", "phone", "email", "fax", "post")
GIVEN = ("Ana", "Salim", "Mira", "Lan", "Ravi", "Olu", "Inês", "Emre", "Nora", "Yara")
FAMILY = ("Exemplo", "Testova", "Almadeup", "Fictício", "Invented", "Musterfrau", "Placeholder", "Nobody")
ADVISORS = ("Ada Winter", "Ben Castellan", "Cleo Marsh", "Dov Harel")

_CASES = (
    "case_id", "case_number", "programme_id", "programme_version", "path", "stream", "channel", "entered_by", "locale",
    "contact", "cancer_type", "surgery", "reasons", "interests", "emergency_notice_version", "submitted_at",
    "contact_due_at", "contacted_at",
)  # fmt: skip
_PEOPLE = (
    "case_id", "role", "name", "email", "country", "birth_date", "sex", "languages", "authority", "asks_as",
)  # fmt: skip
_ITEMS = (
    "id", "queue", "item_key", "case_id", "title", "due", "data", "state", "claimed_by", "claimed_name", "claimed_at",
    "created_at",
)  # fmt: skip


async def fill(url: str, many: int = 10_000, seed: int = 1) -> None:
    """Add so many open cases to intake's database; the same seed makes the same mix."""
    connection = await asyncpg.connect(url)
    try:
        made = [*_made_up(many, random.Random(seed))]
        async with connection.transaction():
            for table, columns, rows in (
                ("cases", _CASES, [case for case, _, _ in made]),
                ("people", _PEOPLE, [person for _, people, _ in made for person in people]),
                ("queue_items", _ITEMS, [item for _, _, item in made]),
            ):
                await connection.copy_records_to_table(table, columns=columns, records=rows)
        await connection.execute("ANALYZE cases, people, queue_items")
    finally:
        await connection.close()


Row = tuple[Any, ...]


def _made_up(many: int, chance: random.Random) -> Iterator[tuple[Row, list[Row], Row]]:
    rules, now = programme.current("msk_international"), datetime.now(UTC)
    cancers, reasons = sorted(rules.cancer_types), sorted(rules.reasons)
    for n in range(many):
        case_id, number = new_id(), new_case_number()
        waiting, stream = chance.choice([*WAITING]), chance.choice(("remote", "remote", "in_person"))
        channel, language, country = chance.choice(CHANNELS), chance.choice(LANGUAGES), chance.choice(COUNTRIES)
        name = f"{chance.choice(GIVEN)} {chance.choice(FAMILY)}"
        asked = now - timedelta(minutes=10 * n)
        due = rules.calendar.contact_due(asked)
        contacted = None if waiting == Waiting.CONTACT else asked + timedelta(hours=1)
        case = (
            case_id, number, rules.id, rules.version, "new_patient", stream, channel, None if channel == "web" else "staff-ada",
            "en", "requester", chance.choice(cancers), "unsure", chance.sample(reasons, 2), ["comprehensive"],
            rules.text_version("emergency_notice"), asked, due, contacted,
        )  # fmt: skip
        people = [
            (case_id, "patient", name, None, country, asked.date() - timedelta(days=20_000), "female", [language], None, None),
            (case_id, "requester", name, f"asks-{n}@family.example", None, None, None, None, "permission", "family"),
        ]  # fmt: skip
        holder = chance.choice([None, None, None, *ADVISORS])
        data = {
            "href": f"/desk/cases/{case_id}", "waiting": waiting, "stream": stream, "channel": channel,
            "language": language, "country": country, "zone": rules.calendar.zone,
        }  # fmt: skip
        item = (
            new_id(), REQUESTS.name, str(case_id), case_id, f"{number} · {name}", None if contacted else due, json.dumps(data),
            "claimed" if holder else "open", holder and f"staff-{holder.split()[0].lower()}", holder, now if holder else None, asked,
        )  # fmt: skip
        yield case, people, item


if __name__ == "__main__":
    asyncio.run(fill(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000))
