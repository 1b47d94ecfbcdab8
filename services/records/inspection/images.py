"""Photographs and scans: whole, not larger than can be shown, and nothing but an image."""

import warnings

from PIL import Image, UnidentifiedImageError

from services.records.inspection.found import Bad, Found

try:
    from pillow_heif import register_heif_opener

    register_heif_opener(thumbnails=False)
except ImportError:  # the wheel doesn't exist for every machine
    pass

MOST_PIXELS = 220_000_000
"""A phone of today makes at most 200 million."""
MOST_FRAMES = 1000
_FORMATS = ("JPEG", "PNG", "TIFF", "GIF", "WEBP", "BMP", "HEIF")

Image.MAX_IMAGE_PIXELS = None
warnings.simplefilter("ignore")


def examine(path: str, media_type: str) -> Found:
    """Return what the image is, having decoded it once. Raises ``Bad``."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise Bad("too_many_pixels")
            frames = getattr(image, "n_frames", 1)
            if frames > MOST_FRAMES:
                raise Bad("too_many_pages")
            image.draft("RGB", (512, 512))
            image.load()
    except MemoryError:
        raise Bad("over_limits") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, KeyError):
        raise Bad("unreadable") from None
    return Found(media_type, pages=frames if media_type in ("image/tiff", "image/heic") else 1)
