"""The commands of `./consilium`."""

import os
import subprocess
import sys
from collections.abc import Callable

from deploy.local import running
from deploy.local.places import ROOT, state
from deploy.local.plan import SERVICES, Plan, python
from deploy.local.trouble import Trouble

HELP = """Consilium on this machine.

  ./consilium up [--detach]     start everything; Ctrl-C or `down` stops it
  ./consilium down              stop what `up` started
  ./consilium demo              drive one case from the request to the delivered opinion
  ./consilium doctor            say what is missing on this machine, and how to get it
  ./consilium logs [-f] [NAME]  show what a process wrote: web, streams, devtools, postgres, kafka, or a service
  ./consilium psql SERVICE      a prompt on a service's database

  ./consilium test              formats, types, contracts and every test, with branch coverage
  ./consilium check             the same without servers: under a minute
  ./consilium bench             the benchmarks

  ./consilium parked SERVICE list|show|retry|drop …    records that a person must look at (`parked list`: of all services)
  ./consilium replay SERVICE outbox|kafka …            deliver facts again; harmless
  ./consilium reconcile [SERVICE]                      name every fact that a service lacks
  ./consilium history CASE                             a case as a list of facts
  ./consilium erase records CASE                       erase the files of a case for good
  ./consilium rewrap records                           wrap every case's key by the newest, so that older ones may go

Services: intake, billing, records, matching, notify. State is kept in .consilium/, or in the folder CONSILIUM_STATE.
Ports start at CONSILIUM_PORT (8300).
DATABASE_URL, KAFKA_BOOTSTRAP, FILES_URL with S3_*, SMTP_URL and OIDC_ISSUER name real things elsewhere."""


def main(command: str, arguments: list[str]) -> int:
    """Run one command and return the exit status. Raises Trouble."""
    if command in BY_SERVICE:
        return _of_service(command, arguments)
    if command not in COMMANDS:
        raise Trouble(f"There is no command {command}. `./consilium help` lists what there is.")
    if command in TAKES and (unknown := [one for one in arguments if one not in TAKES[command]]):
        raise Trouble(f"`./consilium {command}` takes no {unknown[0]}. `./consilium help` lists what there is.")
    return COMMANDS[command](arguments)


def _up(arguments: list[str]) -> int:
    from deploy.local import up

    if "--detach" in arguments:
        up.detach(Plan.read())
    else:
        up.Up(Plan.read()).run()
    return 0


def _down(_arguments: list[str]) -> int:
    stopped = running.stop(state()) if state().exists() else False
    print("Stopped." if stopped else "Nothing runs here.")
    return 0


def _help(_arguments: list[str]) -> int:
    print(HELP)
    return 0


def _doctor(_arguments: list[str]) -> int:
    from deploy.local import doctor

    return doctor.main()


def _test(arguments: list[str]) -> int:
    from deploy.local import checks

    return checks.test(arguments)


def _check(_arguments: list[str]) -> int:
    from deploy.local import checks

    return checks.check()


def _logs(arguments: list[str]) -> int:
    folder = state()
    files = {file.stem: file for file in [*folder.glob("*.log"), *folder.glob("logs/*.log")]}
    names = [argument for argument in arguments if argument != "-f"] or sorted(files)
    if not files:
        raise Trouble("There are no logs yet: nothing was started here. `./consilium up` starts everything.")
    if unknown := [name for name in names if name not in files]:
        raise Trouble(f"There is no log named {unknown[0]}. There are: {', '.join(sorted(files))}.")
    follow = ["-F"] if "-f" in arguments else []
    return _become(["tail", "-n", "40", *follow, *(str(files[name]) for name in names)], dict(os.environ))


def _psql(arguments: list[str]) -> int:
    from deploy.local.postgres import binary

    if not arguments or arguments[0] not in SERVICES:
        raise Trouble(f"Say whose database: ./consilium psql {'|'.join(SERVICES)}")
    return _become([str(binary("psql")), Plan.read().database_url(arguments[0]), *arguments[1:]], dict(os.environ))


def _demo(arguments: list[str]) -> int:
    """Drive a case through what runs here or is named by PUBLIC_URL; with neither, start all, and stop it afterwards."""
    from deploy.local import up

    plan = Plan.read()
    argv = python("deploy.demo", *arguments)
    if plan.given.get("PUBLIC_URL") or running.Running.find(plan.folder):
        return _become(argv, plan.unchanged())
    up.detach(plan)
    try:
        return subprocess.run(argv, env=plan.unchanged(), check=False).returncode
    finally:
        running.stop(plan.folder)


def _bench(arguments: list[str]) -> int:
    from deploy.local import node

    node.install(node.DEV)  # pages that are measured have their styles and fonts, and peers are npm packages too
    return _become(python("benchmarks", *arguments), {**os.environ, "PYTHONPATH": str(ROOT)})


def _of_service(command: str, arguments: list[str]) -> int:
    plan = Plan.read()
    if arguments and arguments[0] in SERVICES:
        return _become(python(f"services.{arguments[0]}", command, *arguments[1:]), _about(plan, arguments[0]))
    if command == "history" and arguments:
        return _become(python("services.intake", command, *arguments), _about(plan, "intake"))
    if command == "reconcile" or arguments == ["list"]:
        return _of_all(plan, command, arguments)
    raise Trouble(f"Say whose: ./consilium {command} {'|'.join(SERVICES)} {BY_SERVICE[command]}")


def _of_all(plan: Plan, command: str, arguments: list[str]) -> int:
    asked = [
        subprocess.Popen(
            python(f"services.{service}", command, *arguments),
            env=_about(plan, service),
            stdout=subprocess.PIPE,
            text=True,
        )
        for service in SERVICES
    ]
    for service in asked:
        sys.stdout.write(service.communicate()[0])
    return max(service.returncode for service in asked)


def _about(plan: Plan, service: str) -> dict[str, str]:
    return {"LOG_LEVEL": "warning", "LOG_FORMAT": "console", **plan.told(service)}


def _become(argv: list[str], environment: dict[str, str]) -> int:
    sys.stdout.flush()
    os.execvpe(argv[0], argv, environment)


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "help": _help,
    "up": _up,
    "down": _down,
    "demo": _demo,
    "bench": _bench,
    "doctor": _doctor,
    "test": _test,
    "check": _check,
    "logs": _logs,
    "psql": _psql,
}
TAKES = {"up": ("--detach",), "down": (), "doctor": (), "check": ()}
"""Commands that start or stop things must not do so for a word that they don't know."""
BY_SERVICE = {
    "parked": "list|show ID|retry ID|drop ID",
    "replay": "outbox|kafka [--case ID] [--since TIME]",
    "reconcile": "",
    "history": "CASE",
    "erase": "CASE",
    "rewrap": "",
}

if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "help", sys.argv[2:]))
    except Trouble as trouble:
        sys.exit(f"consilium: {trouble}")
