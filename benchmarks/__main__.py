"""``python -m benchmarks [name …] [--scale 1.0]``: measure on real servers, print a table, keep the figures as JSON."""

import argparse
import asyncio
import importlib
import sys

from benchmarks import report
from benchmarks.rig import Rig, rig, settle
from deploy.local.places import state

BENCHES = ("relay", "consumer", "cases", "intake", "webhooks", "imaging", "uploads")
WITHOUT_KAFKA = {"intake", "webhooks", "imaging", "uploads"}


def main() -> int:
    """Run the benches that are asked for, all of them by default; 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="consilium bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHES)}; all by default")
    parser.add_argument("--scale", type=float, default=1.0, help="how much of the full amount of work to do")
    asked = parser.parse_args()
    for name in asked.names:
        if name not in BENCHES:
            parser.error(f"there is no bench {name!r}; choose of {', '.join(BENCHES)}")
    settle()
    figures: list[report.Figure] = []

    async def measure(name: str, servers: Rig) -> None:
        async for figure in importlib.import_module(f"benchmarks.{name}").run(servers, asked.scale):
            report.show(figure)
            figures.append(figure)

    names = asked.names or BENCHES
    with rig(kafka=not WITHOUT_KAFKA.issuperset(names)) as servers:
        for name in names:
            asyncio.run(measure(name, servers))
    print(f"kept in {report.keep(figures, state() / 'bench')}")
    return 1 if any("MISSED" in one.verdict for one in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
