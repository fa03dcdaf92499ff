"""What `manage.py check --database default` says about the data that answers depend on."""

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.core import checks
from django.db import connections

from core import clock
from stations import day_types
from stations.models import DayType

__all__ = ["day_types_reach_far_enough"]


def day_types_reach_far_enough(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 - the signature of a system check
    databases: Sequence[str] | None = None,
    **kwargs: Any,  # noqa: ARG001
) -> list[checks.CheckMessage]:
    """Warn while there is time: beyond the table, holidays and swapped workdays are treated like any other weekday."""
    if not databases or "default" not in databases:
        return []
    if DayType._meta.db_table not in connections["default"].introspection.table_names():
        return []  # before the first migrate
    days = day_types.days_left(clock.local_date(clock.now()))
    if days >= day_types.ENOUGH_DAYS:
        return []
    return [
        checks.Warning(
            f"The calendar of holidays and swapped workdays knows only {days} more days; later hours go by weekday.",
            hint=(
                "Once next year's holidays are announced (each November), paste the State Council's notice in the admin "
                "under day types; or update the package chinesecalendar and run: manage.py fill_day_types."
            ),
            id="stations.W001",
        )
    ]
