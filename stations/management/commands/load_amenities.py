"""`manage.py load_amenities`: the vocabulary of equipment and services."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from stations import amenities


class Command(BaseCommand):
    """A second run changes nothing, so every deployment may run it."""

    help = str(gettext_lazy("Add the amenities and wordings that are missing."))

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        loaded = amenities.load(actor="load_amenities", at=clock.now())
        if loaded.changed:
            self.stdout.write(
                _("Amenities: {amenities} added, {words} wordings added.").format(
                    amenities=loaded.amenities_created, words=loaded.words_created
                )
            )
        else:
            self.stdout.write(_("The amenities are up to date."))
