"""Style sheets, scripts and icons: read from the installed npm packages and ``static/``, themed, compressed, kept in memory.

``nhsuk-frontend`` ships compiled CSS that knows one brand and one direction. ``themed`` gives it our colours and fonts,
and turns left and right into start and end, so that Arabic pages mirror without a second style sheet.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_OURS = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

FONT = (
    "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Noto Sans Arabic', "
    "'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"
)

PALETTE = {
    "#005eb8": "#0b5d5a",  # brand, links, header: deep teal
    "#002f5c": "#07403e",
    "#004b93": "#094b49",
    "#003d78": "#083f3d",
    "#0055a6": "#0a5451",
    "#003087": "#07403e",
    "#337ec6": "#3b8a86",
    "#c7dcef": "#cfe3df",
    "#ccdff1": "#d5e7e4",
    "#d9e7f4": "#e0eeeb",
    "#330072": "#5b3a6e",  # visited
    "#7c2855": "#8a3b2a",  # hover
    "#007f3b": "#1f6f43",  # buttons
    "#00662f": "#195c37",
    "#00401e": "#0f3d24",
    "#212b32": "#22302f",  # text
    "#4c6272": "#4d5f5d",  # secondary text, input borders
    "#768692": "#6f807d",
    "#aeb7bd": "#b5beb9",
    "#d8dde0": "#dedbd2",  # borders
    "#e0e4e6": "#e7e3da",
    "#f0f4f5": "#f8f5ee",  # page: warm paper
    "#ffeb3b": "#ffd75e",  # focus
    "#fff9c4": "#fff4cf",
    "#d5281b": "#b3261e",  # error
}
"""nhsuk-frontend's colour → ours."""

_SIDES = {"left": "start", "right": "end"}
_RADII = {"top-left": "start-start", "top-right": "start-end", "bottom-left": "end-start", "bottom-right": "end-end"}


def themed(css: str) -> str:
    """Return nhsuk-frontend's compiled CSS with our palette, our fonts, our addresses, and logical directions."""
    css = re.sub(r"@font-face\{[^}]*\}", "", css)
    css = css.replace("Frutiger W01,Arial,sans-serif", FONT).replace("Frutiger W01", "system-ui")
    css = re.sub("|".join(PALETTE), lambda m: PALETTE[m[0]], css)
    css = css.replace("/assets/images/", "./images/")
    return re.sub(r"\{[^{}]*\}", lambda m: _logical(m[0]), css)


def _logical(block: str) -> str:
    block = re.sub(r"\b(margin|padding)-(left|right):", lambda m: f"{m[1]}-inline-{_SIDES[m[2]]}:", block)
    block = re.sub(r"\bborder-(left|right)(-\w+)?:", lambda m: f"border-inline-{_SIDES[m[1]]}{m[2] or ''}:", block)
    block = re.sub(
        r"\bborder-((?:top|bottom)-(?:left|right))-radius:", lambda m: f"border-{_RADII[m[1]]}-radius:", block
    )
    block = re.sub(r"(?<=[{;])(left|right):(?!50%)", lambda m: f"inset-inline-{_SIDES[m[1]]}:", block)
    block = re.sub(r"\b(text-align):(left|right)", lambda m: f"{m[1]}:{_SIDES[m[2]]}", block)
    block = re.sub(r"\b(float|clear):(left|right)", lambda m: f"{m[1]}:inline-{_SIDES[m[2]]}", block)
    return re.sub(r"(?<=[{;])(margin|padding):([^;}]*)", _four_sides, block)


def _four_sides(match: re.Match[str]) -> str:
    name, value = match[1], match[2]
    important = "!important" if value.endswith("!important") else ""
    sides = _values(value.removesuffix("!important").strip())
    if len(sides) != 4 or sides[1] == sides[3]:
        return match[0]
    top, end, bottom, start = sides
    return f"{name}-block:{top} {bottom}{important};{name}-inline:{start} {end}{important}"


def _values(text: str) -> list[str]:
    return re.findall(r"(?:[^\s()]|\([^()]*(?:\([^()]*\)[^()]*)*\))+", text)


@dataclass(frozen=True)
class Asset:
    """One file as it is sent."""

    media_type: str
    plain: bytes
    packed: bytes


class Assets:
    """All assets under one version: ``/static/<version>/<name>`` never changes, so browsers keep it for a year."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = {
            name: Asset(_TYPES[Path(name).suffix], content, gzip.compress(content, 9, mtime=0))
            for name, content in files.items()
        }
        digest = hashlib.sha256()
        for name in sorted(files):
            digest.update(name.encode() + files[name])
        self.version = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """Return where ``name`` is served. Raises ``KeyError`` for an asset that isn't there."""
        if name not in self.files:
            raise KeyError(f"no asset {name}; there are {', '.join(sorted(self.files))}")
        return f"/static/{self.version}/{name}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an asset (an ASGI application mounted at ``/static``)."""
        path = str(scope["path"]).removeprefix(str(scope.get("root_path", ""))).removeprefix("/static").lstrip("/")
        version, _, name = path.partition("/")
        asset = self.files.get(name)
        if asset is None or scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(404 if asset is None else 405)
        gzipped = "gzip" in Headers(scope=scope).get("accept-encoding", "")
        keep = "public, max-age=31536000, immutable" if version == self.version else "no-cache"
        headers = {
            "cache-control": keep,
            "vary": "accept-encoding",
            **({"content-encoding": "gzip"} if gzipped else {}),
        }
        await Response(asset.packed if gzipped else asset.plain, media_type=asset.media_type, headers=headers)(
            scope, receive, send
        )


@lru_cache(maxsize=4)
def load(node_modules: Path) -> Assets:
    """Read and theme everything once per process. Raises ``FileNotFoundError`` saying how to install the packages."""
    nhsuk = node_modules / "nhsuk-frontend" / "dist" / "nhsuk"
    if not nhsuk.is_dir():
        raise FileNotFoundError(
            f"{nhsuk} is missing: run ./consilium up once, or npm install in deploy/local, or set NODE_MODULES"
        )
    own = {
        file.relative_to(_OURS).as_posix(): file.read_bytes()
        for file in sorted(_OURS.rglob("*"))
        if file.suffix in _TYPES
    }
    icons = {
        f"images/{file.name}": file.read_bytes()
        for file in sorted((nhsuk / "assets" / "images").glob("nhsuk-icon-*.svg"))
        if "mask" not in file.name
    }
    css = themed((nhsuk / "nhsuk-frontend.min.css").read_text(encoding="utf-8"))
    sse = node_modules / "htmx-ext-sse" / "dist" / "sse.min.js"
    return Assets({
        **icons, **own,
        "consilium.css": css.encode() + own.pop("consilium.css", b""),
        "nhsuk.js": _without_map((nhsuk / "nhsuk-frontend.min.js").read_bytes()),
        "htmx.js": (node_modules / "htmx.org" / "dist" / "htmx.min.js").read_bytes(),
        "sse.js": sse.read_bytes(),
        "tus.js": _without_map((node_modules / "tus-js-client" / "dist" / "tus.min.js").read_bytes()),
    })  # fmt: skip


def _without_map(script: bytes) -> bytes:
    return re.sub(rb"//# sourceMappingURL=\S+\s*$", b"", script)
