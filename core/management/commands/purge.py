"""`manage.py purge`: forget what is past its time, or say what that would be."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock, purging


class Command(BaseCommand):
    help = str(gettext_lazy("Remove what is past its retention time. The worker does the same every hour."))

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help=str(gettext_lazy("only say what would be removed")))

    def handle(self, *args: Any, dry_run: bool = False, **options: Any) -> None:  # noqa: ARG002
        for label, number in purging.purge(now=clock.now(), dry_run=dry_run).items():
            self.stdout.write(f"{number:>8}  {label}")
        if dry_run:
            self.stdout.write(_("Nothing was removed. This is what would be:"))
