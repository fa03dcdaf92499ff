"""`manage.py rotate_courier_keys`: after a key was added, brings every name and phone under it."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from couriers import privacy
from couriers.sealing import SealBroken


class Command(BaseCommand):
    """A second run changes nothing; afterwards the older keys can be taken out of the environment."""

    help = str(gettext_lazy("Bring the names and phones of couriers under the newest keys."))

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        try:
            done = privacy.rotate_keys(actor="rotate_courier_keys", at=clock.now())
        except SealBroken as error:
            raise CommandError(_("A key that is still needed is missing in COURIER_KEYS.")) from error
        self.stdout.write(
            _("Couriers sealed anew: {sealed}; phones indexed anew: {indexed}.").format(
                sealed=done.sealed, indexed=done.indexed
            )
        )
