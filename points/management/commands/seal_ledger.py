"""`manage.py seal_ledger`: seal what has been posted since the last seal, as the worker does every ten minutes."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from points import sealing


class Command(BaseCommand):
    help = str(gettext_lazy("Seal the postings that are not sealed yet."))

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        sealed = sealing.seal_ledger(now=clock.now())
        self.stdout.write(_("{count} postings sealed.").format(count=sealed))
