"""`manage.py erasures`: the codes of couriers who were erased; `--repeat FILE`: erase them again in a restored backup."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from couriers import privacy


class Command(BaseCommand):
    """A backup does not know who was erased after it was made, so the list is kept apart from it. May be repeated.

    The last line, `# 3`, says how many there are: what a command writes that finds no database is an empty file, and in it
    nobody was ever erased.
    """

    help = str(gettext_lazy("Print the codes of erased couriers, or erase them again in a restored backup."))

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--repeat",
            type=Path,
            metavar="FILE",
            help=str(gettext_lazy("erase those of this file again; it holds what this command printed before")),
        )

    def handle(self, *args: Any, repeat: Path | None = None, **options: Any) -> None:  # noqa: ARG002
        if repeat is None:
            codes = privacy.erased_codes()
            self.stdout.write("\n".join([*codes, f"# {len(codes)}"]))
            return
        try:
            *codes, end = repeat.read_text(encoding="utf-8").splitlines() or [""]
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{repeat}: {error}") from error
        if end != f"# {len(codes)}":
            raise CommandError(
                _("{file} is not whole: its last line does not say how many codes it has. Take the one before.").format(
                    file=repeat
                )
            )
        erased, held = privacy.erase_again(codes=set(codes), at=clock.now())
        self.stdout.write(_("Couriers erased again: {count}.").format(count=len(erased)))
        if held:
            raise CommandError("\n".join(f"{courier.code}: {error}" for courier, error in held.items()))
