"""`manage.py verify_ledger`: check that not one point is lost, doubled or invented."""

import json
import sys
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, SystemCheckError
from django.db import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from points import verifying
from points.verifying import Within
from stations.access import CITY_CODE
from stations.models import Division


class Command(BaseCommand):
    """Exit code 0: clean; 1: something is wrong, and is named; 2: it could not be checked."""

    help = str(gettext_lazy("Check the whole ledger, and name what is wrong with it."))

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help=_("answer as JSON"))
        parser.add_argument("--division", default=CITY_CODE, help=_("only what touches this district, by its code"))
        parser.add_argument("--since", default="", help=_("only what was posted since the beginning of this day"))

    def check(self, *args: Any, **options: Any) -> None:
        try:
            super().check(*args, **options)
        except SystemCheckError as error:  # such as a missing key; it says nothing about the ledger
            error.returncode = 2
            raise

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        try:
            found = list(verifying.verify_ledger(_within(options["division"], options["since"])))
        except DatabaseError as error:
            self.stderr.write(str(error))
            sys.exit(2)
        if options["json"]:
            self.stdout.write(json.dumps([{"invariant": each.invariant, "said": each.sentence} for each in found]))
        else:
            for each in found:
                self.stdout.write(f"{each.invariant}: {each.sentence}")
            if not found:
                self.stdout.write(_("The ledger is clean: {count} invariants hold.").format(count=len(verifying.CODES)))
        if found:
            sys.exit(1)


def _within(division: str, since: str) -> Within:
    """Raises: CommandError, with exit code 2."""
    if division != CITY_CODE and not Division.objects.filter(pk=division, level=Division.Level.DISTRICT).exists():
        raise CommandError(_("There is no district {code}.").format(code=division), returncode=2)
    try:
        moment = clock.local_midnight(date.fromisoformat(since)) if since else None
    except ValueError as error:
        raise CommandError(_("{text} is no day. Type it as 2026-06-30.").format(text=since), returncode=2) from error
    return Within(district="" if division == CITY_CODE else division, since=moment)
