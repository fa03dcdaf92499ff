"""`manage.py seed_demo`: divisions, day types, amenities, the real stations of the articles and the made-up set."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from stations.demo import seeding


class Command(BaseCommand):
    """A second run changes nothing."""

    help = str(gettext_lazy("Fill an empty database with the demo stations."))

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        try:
            seeded = seeding.seed(at=clock.now())
        except seeding.DatabaseInUse as refusal:
            raise CommandError(str(refusal)) from refusal
        if seeded.made_up:
            self.stdout.write(
                _("Stations: {real} from the articles, {made_up} made up for the demo.").format(
                    real=seeded.real, made_up=seeded.made_up
                )
            )
        else:
            self.stdout.write(_("The demo stations are there already."))
