"""Where letters and the frame around them are written; strict, so that a missing value is an error and not a gap."""

from pathlib import Path

import jinja2

MAIL = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates" / "mail"), undefined=jinja2.StrictUndefined,
    autoescape=jinja2.select_autoescape(["html"]), trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
)  # fmt: skip
