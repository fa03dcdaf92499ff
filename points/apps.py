from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PointsConfig(AppConfig):
    name = "points"
    verbose_name = _("Points and gifts")

    def ready(self) -> None:
        from couriers import privacy
        from couriers.views import mine
        from points import checks, erasing, stock  # noqa: F401 - the checks register themselves
        from points.views import gifts
        from points.views.me import copied
        from stations import registering
        from stations.views import panels

        privacy.wait_before_erasure(erasing.settle, lost=erasing.lost)
        privacy.tell_in_copies("points", erasing.told)
        mine.say_in_copies(words=copied.WORDS, values=copied.VALUES)
        registering.bind_to_district(stock.districts_held)
        panels.add_panel(gifts.at_station)
