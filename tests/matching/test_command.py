"""The roster by the command line."""

import asyncio
import sys
from pathlib import Path

from tests.support.service import ServiceUnderTest


async def seed(service: ServiceUnderTest, file: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.matching", "seed", str(file), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_the_roster_is_loaded_by_command_and_again_without_harm(matching: ServiceUnderTest) -> None:
    for _ in range(2):
        assert await seed(matching, Path("deploy/local/seed/matching.toml")) == (0, "")
        assert await matching.count("specialists") == 14


async def test_a_roster_that_makes_no_sense_is_refused_whole(matching: ServiceUnderTest, tmp_path: Path) -> None:
    roster = Path("deploy/local/seed/matching.toml").read_text()
    (tmp_path / "roster.toml").write_text(roster.replace('discipline = "radiology"', 'discipline = "astrology"'))
    code, said = await seed(matching, tmp_path / "roster.toml")
    assert code == 1
    assert "astrology" in said
    assert await matching.count("specialists") == 0
