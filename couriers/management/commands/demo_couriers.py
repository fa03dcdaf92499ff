"""`manage.py demo_couriers`: the demo's outlets and couriers, in a database where `seed_demo` has run."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from couriers import demo
from stations.demo.seeding import NoDemo


class Command(BaseCommand):
    """A second run changes nothing."""

    help = str(gettext_lazy("Fill in the demo's outlets and couriers."))

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        try:
            seeded = demo.seed(at=clock.now())
        except (demo.DatabaseInUse, NoDemo) as refusal:
            raise CommandError(str(refusal)) from refusal
        if seeded.couriers:
            self.stdout.write(
                _("Outlets: {outlets}, couriers: {couriers}.").format(outlets=seeded.outlets, couriers=seeded.couriers)
            )
        else:
            self.stdout.write(_("The demo couriers are there already."))
