"""The Chinese catalogue, kept in pure Python: a fresh machine has no gettext tools.

python -m tools.translations update    add new source strings to locale/zh_Hans, mark those that are gone, compile
python -m tools.translations check     fail on a missing, fuzzy, unused or uncompiled string, or a lost placeholder
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
APPS = ("config", "core", "couriers", "partners", "points", "stations")
# name of the call → positions of (context, singular, plural) among its arguments
CALLS: dict[str, tuple[int | None, int, int | None]] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), (None, 0, None)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (None, 0, 1)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), (0, 1, None)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), (0, 1, 2)),
}
PLACEHOLDER = re.compile(r"\{\w*[^}]*\}|%\(\w+\)[sd]|%[sd]")

Key = tuple[str | None, str, str | None]


def strings_of_python(source: str) -> Iterator[Key]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name not in CALLS:
            continue
        values = [
            arg.value if isinstance(arg, ast.Constant) and isinstance(arg.value, str) else None for arg in node.args
        ]
        context_at, singular_at, plural_at = CALLS[name]
        wanted = [
            None if at is None or at >= len(values) else values[at] for at in (context_at, singular_at, plural_at)
        ]
        if wanted[1]:
            yield wanted[0], wanted[1], wanted[2]


def strings_of_template(source: str) -> Iterator[Key]:
    """Django's own extractor turns a template into calls, regular enough to be read one by one."""
    from django.utils.translation.template import templatize

    for call in re.finditer(r"\b(n?p?gettext|_)\(", pseudo := templatize(source)):
        depth, end = 0, call.end() - 1
        quote = ""
        while end < len(pseudo):
            char = pseudo[end]
            if quote:
                if char == "\\":
                    end += 1
                elif char == quote:
                    quote = ""
            elif char in "'\"":
                quote = char
            elif char in "()":
                depth += 1 if char == "(" else -1
                if not depth:
                    break
            end += 1
        yield from strings_of_python(pseudo[call.start() : end + 1])


def source_strings() -> dict[Key, list[str]]:
    """Every translatable string of the project, with the files that contain it."""
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure()
        django.setup()
    found: dict[Key, list[str]] = defaultdict(list)
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            for key in strings_of_python(path.read_text(encoding="utf-8")):
                found[key].append(str(path.relative_to(ROOT)))
    for path in sorted((ROOT / "templates").rglob("*.*")):
        for key in strings_of_template(path.read_text(encoding="utf-8")):
            found[key].append(str(path.relative_to(ROOT)))
    return found


def placeholders(text: str) -> list[str]:
    return sorted(set(PLACEHOLDER.findall(text)))


def complaints(catalogue: polib.POFile, found: dict[Key, list[str]]) -> Iterator[str]:
    entries = {(entry.msgctxt, entry.msgid): entry for entry in catalogue if not entry.obsolete}
    for (context, singular, plural), files in found.items():
        entry = entries.pop((context, singular), None)
        if entry is None:
            yield f"not in the catalogue: {singular!r} ({files[0]})"
            continue
        texts = list(entry.msgstr_plural.values()) if plural else [entry.msgstr]
        if entry.fuzzy or not all(texts) or not texts:
            yield f"not translated: {singular!r} ({files[0]})"
        for text in texts:
            lost = set(placeholders(text)) ^ set(placeholders(plural or singular))
            if text and lost and not (plural and set(placeholders(text)) <= set(placeholders(plural))):
                yield f"placeholders differ ({', '.join(sorted(lost))}): {singular!r}"
    for _context, singular in entries:
        yield f"no longer used: {singular!r}"


def update() -> None:
    catalogue = polib.pofile(str(CATALOGUE)) if CATALOGUE.exists() else polib.POFile()
    catalogue.wrapwidth = 110
    catalogue.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Language": "zh_Hans",
        "Plural-Forms": "nplurals=1; plural=0;",
    }
    found = source_strings()
    entries = {(entry.msgctxt, entry.msgid): entry for entry in catalogue}
    for (context, singular, plural), files in sorted(found.items(), key=lambda item: item[1][0]):
        entry = entries.pop((context, singular), None)
        if entry is None:
            entry = polib.POEntry(msgctxt=context, msgid=singular)
            catalogue.append(entry)
        entry.obsolete = False
        if plural:
            entry.msgid_plural = plural
            entry.msgstr_plural = entry.msgstr_plural or {0: entry.msgstr}
        entry.occurrences = [(name, "") for name in dict.fromkeys(files)]
    for entry in entries.values():
        catalogue.remove(entry)
    catalogue.sort(key=lambda entry: (entry.occurrences[0][0], entry.msgid))
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    catalogue.save(str(CATALOGUE))
    catalogue.save_as_mofile(str(CATALOGUE.with_suffix(".mo")))


def check() -> int:
    catalogue = polib.pofile(str(CATALOGUE))
    found = list(complaints(catalogue, source_strings()))
    if catalogue.to_binary() != CATALOGUE.with_suffix(".mo").read_bytes():
        found.append("the compiled catalogue is old: run `python -m tools.translations update`")
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["update"]:
            update()
        case ["check"]:
            sys.exit(check())
        case _:
            sys.exit(__doc__)
