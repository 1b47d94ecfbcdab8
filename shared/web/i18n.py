"""Languages: which one this reader wants, and the words for it.

English is the source text. Catalogues are ``locale/<language>/LC_MESSAGES/messages.po`` of a service and of this
package; they are compiled in memory, so what is in git is all there is.
"""

from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel.core import Locale, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

LOCALES = {"en": "English", "ar": "العربية", "zh_Hans": "简体中文", "es": "Español"}
"""The languages that patients can choose, by their own names."""

COOKIE = "consilium_lang"
_HERE = Path(__file__).parent
_ALIASES = {name.lower(): name for name in LOCALES} | dict.fromkeys(("zh", "zh_cn", "zh_sg", "zh_hans_cn"), "zh_Hans")


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for "extract this, translate it later"
    """Mark ``text`` for translation and return it unchanged."""
    return text


def known_locale(text: str | None) -> str | None:
    """Return the language of ours that ``text`` names (``zh-Hans``, ``ar_EG``…), or None."""
    if not text:
        return None
    plain = text.strip().replace("-", "_")
    plain = plain.lower()
    return next((_ALIASES[name] for name in (plain, plain.partition("_")[0]) if name in _ALIASES), None)


def locale_of(connection: "HTTPConnection") -> str:
    """Return the reader's language: ``?lang=``, else the cookie, else the session's, else the browser's.

    The desk is in English, and so is whatever nobody chose another language for.
    """
    if connection.url.path.startswith("/desk"):
        return "en"
    chosen = known_locale(connection.query_params.get("lang")) or known_locale(connection.cookies.get(COOKIE))
    principal = getattr(connection.state, "principal", None)
    if chosen or (chosen := known_locale(principal.locale if principal else None)):
        return chosen
    return _negotiated(connection.headers.get("accept-language", ""))


def direction(locale: str) -> str:
    """Return ``rtl`` or ``ltr``."""
    return Locale.parse(locale).text_direction


def html_lang(locale: str) -> str:
    """Return the BCP 47 tag for ``lang=``: ``zh-Hans``."""
    return locale.replace("_", "-")


def gettext_for(locale: str, *folders: Path) -> NullTranslations:
    """Return the words of ``locale`` (any spelling; English when it isn't ours) from this package and ``folders``."""
    return _translations(known_locale(locale) or "en", (_HERE / "locale", *folders))


def translator_for(connection: "HTTPConnection") -> NullTranslations:
    """Return the words for this request's reader, those of its service included."""
    folders: tuple[Path, ...] = getattr(connection.app.state, "locale_folders", ())
    return gettext_for(locale_of(connection), *folders)


@lru_cache(maxsize=64)
def _translations(locale: str, folders: tuple[Path, ...]) -> NullTranslations:
    words: Any = NullTranslations()
    for folder in folders:
        if (file := folder / locale / "LC_MESSAGES" / "messages.po").is_file():
            compiled = BytesIO()
            with file.open("rb") as source:
                write_mo(compiled, read_po(source, locale=locale))
            compiled.seek(0)
            more = Translations(compiled, domain="messages")
            words = words.merge(more) if isinstance(words, Translations) else more
    return words  # type: ignore[no-any-return]


def _negotiated(header: str) -> str:
    weighted = []
    for part in header.split(","):
        tag, _, q = part.partition(";q=")
        try:
            weighted.append((float(q or 1), tag.strip()))
        except ValueError:
            continue
    wanted = [tag.replace("-", "_") for weight, tag in sorted(weighted, key=lambda w: -w[0]) if weight > 0]
    for tag in wanted:
        if known := known_locale(tag):
            return known
    return known_locale(negotiate_locale(wanted, list(LOCALES))) or "en"
