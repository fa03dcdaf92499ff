"""`manage.py demo_partner`: the sandbox key of the demo, for trying the API's writes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from partners import demo
from stations.demo.seeding import NoDemo


class Command(BaseCommand):
    """A second run prints the same."""

    help = str(gettext_lazy("Make the demo's partner where it is missing, and print its sandbox key."))

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        try:
            partner = demo.keep(at=clock.now())
        except NoDemo as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write("  " + _("sandbox key for the API, at made-up stations only:"))
        self.stdout.write(f"  {partner.key}")
