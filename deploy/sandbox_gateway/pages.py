"""The provider's pages: one layout, no script, and headers that let nothing else in."""

from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)


def page(html: str, status: int = 200, *, form_action: str = "") -> HTMLResponse:
    """Return a page; ``form_action`` is the one origin beside ours to which its forms may lead."""
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; form-action 'self' {form_action}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return HTMLResponse(html, status, headers)
