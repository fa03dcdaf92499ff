"""What the map apps were told about a station."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from stations.models.stations import Station

__all__ = ["MapListing"]


class MapListing(models.Model):
    """What one map was last told about a station; about a station without a row it was told nothing.

    `sent` is what was said, its position in WGS-84; `version` is the station's at that time, so that a station that has not
    changed at all need not be compared.
    """

    class Map(models.TextChoices):
        AMAP = "amap", _("Amap")
        BAIDU = "baidu", _("Baidu Maps")

    station: models.ForeignKey["Station", "Station"] = models.ForeignKey(
        "stations.Station", verbose_name=_("station"), on_delete=models.CASCADE, related_name="map_listings"
    )
    map = models.CharField(_("map"), max_length=16, choices=Map)
    version = models.PositiveIntegerField(_("version"))
    sent: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(_("sent"))
    sent_at = models.DateTimeField(_("sent at"))

    class Meta:
        verbose_name = _("entry in a map")
        verbose_name_plural = _("entries in maps")
        ordering = ["station", "map"]
        constraints = [
            models.UniqueConstraint(name="%(app_label)s_%(class)s_uniq", fields=["station", "map"]),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_map_is_known", condition=models.Q(map__in=["amap", "baidu"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.map} {self.station_id}"
