"""`manage.py load_gifts --division 420104`: the six gifts of the articles, with their prices."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from points import gifts
from stations.models import Division


class Command(BaseCommand):
    """A second run changes nothing."""

    help = str(gettext_lazy("Put the six gifts of the articles on a district's list, where they are missing."))

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--division", required=True, help=str(gettext_lazy("the district's code, such as 420104")))

    def handle(self, *args: Any, division: str, **options: Any) -> None:  # noqa: ARG002
        district = Division.objects.filter(pk=division, level=Division.Level.DISTRICT).first()
        if district is None:
            raise CommandError(_("{code} is no district of this city.").format(code=division))
        now = clock.now()
        loaded = gifts.load(district=district, valid_from=clock.local_date(now), actor="load_gifts", at=now)
        if loaded:
            self.stdout.write(
                _("{district}: {number} gifts added.").format(district=district.label, number=len(loaded))
            )
        else:
            self.stdout.write(_("The gifts are on the list already."))
