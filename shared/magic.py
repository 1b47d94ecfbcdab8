"""By which first bytes a kind of file is known: names and senders' claims don't count. Pure; a sandbox loads it too."""

MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (128, b"DICM", "application/dicom"),  # first: what stands before it may look like TIFF
    (0, b"%PDF-", "application/pdf"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"PK\x03\x04", "application/zip"),
)
"""Where, which bytes, and the media type that they tell."""


def sniff(head: bytes) -> str | None:
    """Return the media type that the first bytes tell, or None."""
    return next((kind for offset, magic, kind in MAGIC if head.startswith(magic, offset)), None)
