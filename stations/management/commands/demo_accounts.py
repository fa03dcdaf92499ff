"""`manage.py demo_accounts`: one line for each demo account, with its password and what it may do."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext_lazy

from core import clock
from stations.demo import accounts, seeding


class Command(BaseCommand):
    """A second run prints the same."""

    help = str(gettext_lazy("Make the demo accounts where they are missing, and print them."))

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        try:
            kept = accounts.keep(at=clock.now())
        except seeding.NoDemo as refusal:
            raise CommandError(str(refusal)) from refusal
        for account in kept:
            self.stdout.write(f"  {account.name:<8}{account.password:<18}{account.may}")
