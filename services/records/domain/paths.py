"""Where a file lies in a folder or archive, as its sender named it and nothing worse."""


def tidy_path(sent: str) -> str:
    """Return a path inside a folder: no root, no drive, no way up, nothing that a screen would hide; at most 500 characters."""
    parts = (part.strip() for part in sent.replace("\\", "/").split("/"))
    kept = ["".join(c for c in part if c.isprintable())[:200] for part in parts if part not in ("", ".", "..")]
    return "/".join(kept)[-500:].lstrip("/") or "document"
