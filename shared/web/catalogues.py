"""Catalogues of translations: what the source says, and what a language lacks.

``python -m shared.web.catalogues`` adds new strings to every catalogue (empty, to be translated), drops those that are
gone, and prints what is missing; a test fails while anything is.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from shared.web.i18n import LOCALES

ROOT = Path(__file__).parents[2]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
METHODS = [
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2"),
    ("**/templates/**.txt", "jinja2"),
    ("**/templates/**.jinja", "jinja2"),
]
TRANSLATED = [locale for locale in LOCALES if locale != "en"]


def homes() -> list[Path]:
    """Return the folders that hold a ``locale`` folder's source: this package and each service."""
    return [ROOT / "shared" / "web", *sorted(path for path in (ROOT / "services").iterdir() if path.is_dir())]


def source_of(home: Path) -> Catalog:
    """Return every string that ``home`` marks for translation."""
    found = Catalog(charset="utf-8")
    options = {"**/templates/**": {"trimmed": "true", "silent": "false"}}
    for name, line, message, comments, context in extract_from_dir(home, METHODS, options, keywords=KEYWORDS):
        found.add(message, None, [(name, line)], auto_comments=comments, context=context)
    return found


def file_of(home: Path, locale: str) -> Path:
    """Return where the catalogue of a language lives."""
    return home / "locale" / locale / "LC_MESSAGES" / "messages.po"


def missing(home: Path, locale: str) -> list[str]:
    """Return the strings of ``home`` that ``locale`` has not, has empty, or has only as a guess (fuzzy)."""
    catalogue = _catalogue(home, locale)
    return [str(message.id) for message in source_of(home) if message.id and not _is_done(catalogue, message.id)]


def update(home: Path, locale: str) -> None:
    """Bring a catalogue to the source's strings; translations of strings that stay are kept."""
    catalogue = _catalogue(home, locale)
    made = catalogue.creation_date
    catalogue.update(source_of(home), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.creation_date = made  # else every run changes every file, and two branches meet in its header
    file = file_of(home, locale)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as out:
        write_po(out, catalogue, width=120, no_location=True, omit_header=False, sort_output=True)


def gaps() -> Iterator[str]:
    """Yield ``place language: string`` for everything untranslated anywhere."""
    for home in homes():
        for locale in TRANSLATED:
            for text in missing(home, locale):
                yield f"{home.relative_to(ROOT)} {locale}: {text}"


def _catalogue(home: Path, locale: str) -> Catalog:
    file = file_of(home, locale)
    if not file.exists():
        return Catalog(locale=locale, project="consilium", charset="utf-8")
    with file.open("rb") as source:
        return read_po(source, locale=locale)


def _is_done(catalogue: Catalog, message_id: str | tuple[str, ...] | list[str]) -> bool:
    found = catalogue.get(message_id if isinstance(message_id, str) else message_id[0])
    if found is None or found.fuzzy:
        return False
    return all(found.string) if isinstance(found.string, tuple) else bool(found.string)


def main() -> int:
    """Update every catalogue that lacks something and say what is still to translate."""
    for home in homes():
        for locale in TRANSLATED:
            if any(message.id for message in source_of(home)):
                update(home, locale)
    untranslated = list(gaps())
    sys.stdout.writelines(f"{gap}\n" for gap in untranslated)
    return 1 if untranslated else 0


if __name__ == "__main__":
    sys.exit(main())
