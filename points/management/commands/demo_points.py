"""`manage.py demo_points`: three months of points and gifts, in a database where `demo_couriers` has run."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from points import demo, sealing


class Command(BaseCommand):
    """A second run changes nothing."""

    help = str(gettext_lazy("Fill in the demo's gifts, stock and three months of points."))

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        now = clock.now()
        try:
            seeded = demo.seed(at=now)
        except (demo.DatabaseInUse, demo.TownMissing) as refusal:
            raise CommandError(str(refusal)) from refusal
        if not seeded.postings:
            self.stdout.write(_("The demo points are there already."))
            return
        # Only what is committed can be sealed.
        sealing.seal_ledger(now=now)
        self.stdout.write(
            _("Postings: {postings}, redemptions: {redemptions}.").format(
                postings=seeded.postings, redemptions=seeded.redemptions
            )
        )
