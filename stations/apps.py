from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy as _


class StationsConfig(AppConfig):
    name = "stations"
    verbose_name = _("Rest stations")

    def ready(self) -> None:
        from stations.checks import day_types_reach_far_enough  # models can be imported only now

        register(day_types_reach_far_enough, Tags.database)
