"""`manage.py verify_ledger`: whether not one point is lost, doubled or invented."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from points import verifying


class Command(BaseCommand):
    """Exit code 0: clean; 1: something is wrong, and is named; 2: it could not be asked."""

    help = str(gettext_lazy("Check the whole ledger, and name what is wrong with it."))

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help=_("answer as JSON"))

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        try:
            found = list(verifying.verify_ledger())
        except DatabaseError as error:
            self.stderr.write(str(error))
            sys.exit(2)
        if options["json"]:
            self.stdout.write(json.dumps([{"invariant": each.invariant, "said": each.sentence} for each in found]))
        else:
            for each in found:
                self.stdout.write(f"{each.invariant}: {each.sentence}")
            if not found:
                self.stdout.write(
                    _("The ledger is clean: {count} invariants hold.").format(count=len(verifying.INVARIANTS) + 1)
                )
        if found:
            sys.exit(1)
