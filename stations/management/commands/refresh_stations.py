"""`manage.py refresh_stations`: derive intervals and search columns anew."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from stations import publishing


class Command(BaseCommand):
    help = str(gettext_lazy("Derive the opening hours ahead and the search columns of all stations anew."))

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        count = publishing.refresh_all(now=clock.now())
        self.stdout.write(_("{count} stations derived anew.").format(count=count))
