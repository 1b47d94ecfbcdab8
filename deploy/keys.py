"""``python -m deploy.keys FOLDER``: key pairs for containers, each private key in a folder that one service alone is given.

FOLDER/public/jwks.json holds everybody's public keys; FOLDER/<service>/ holds that service's own, in records' also the key
that seals files: whoever loses it has lost every file. What is there stays.
"""

import shutil
import sys
from pathlib import Path

from shared.files import make_key_file
from shared.web.tokens import SESSIONS, make_keys

SERVICES = ("intake", "billing", "records", "matching", "notify")
OWNER = 10001
"""The user that every container of ours runs as."""


def main(folder: Path, files: Path = Path("/files")) -> None:
    """Make what is missing and hand it to its owner."""
    made = Path("/tmp/keys")  # noqa: S108 - inside a container that lives for a second
    made.mkdir(mode=0o700, exist_ok=True)
    homes = {SESSIONS: folder / "intake", **{service: folder / service for service in SERVICES}}
    for name, home in homes.items():
        if (home / f"{name}.pem").exists():
            shutil.copy(home / f"{name}.pem", made)
    make_keys(made, SERVICES)
    for name, home in homes.items():
        shutil.copy(made / f"{name}.pem", home)
    shutil.copy(made / "jwks.json", folder / "public")
    make_key_file(folder / "records" / "files.key")
    for path in [*folder.rglob("*"), files]:
        shutil.chown(path, OWNER, OWNER)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
