"""`manage.py demo_pins`: one line for each demo courier who can sign in, with his phone and PIN."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from couriers import demo


class Command(BaseCommand):
    """A second run prints the same."""

    help = str(gettext_lazy("Give two of the demo's couriers a PIN where they have none, and print them."))

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        for courier in demo.keep_pins(at=clock.now()):
            told = _("courier, {status}: signs in at /me/").format(status=courier.status)
            self.stdout.write(f"  {courier.phone}  PIN {courier.pin}    {told}")
