"""What a station has: coded equipment and services, and the words people use for them."""

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from stations.models.stations import Station

__all__ = ["Amenity", "AmenityWord", "StationAmenity"]


class Amenity(models.Model):
    """One kind of equipment or service, such as `hot-water` 热水, with the tier from which a courier may expect it.

    Source: the two articles of 2021 and the city union's 七个一 (docs/sources.md#amenities).
    """

    class Kind(models.TextChoices):
        EQUIPMENT = "equipment", _("equipment")
        SERVICE = "service", _("service")

    code = models.SlugField(_("code"), max_length=32, primary_key=True)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    name = models.CharField(_("name"), max_length=30, unique=True)
    name_en = models.CharField(_("English name"), max_length=40)
    expected_from_tier = models.PositiveSmallIntegerField(
        _("expected from tier"),
        null=True,
        blank=True,
        help_text=_("3: every station has it; 2: tiers 1 and 2; 1: tier 1 only; empty: nobody is promised it"),
    )
    position = models.PositiveSmallIntegerField(_("order"), default=100)

    class Meta:
        verbose_name = _("amenity")
        verbose_name_plural = _("amenities")
        ordering = ["position", "code"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_kind_is_known", condition=models.Q(kind__in=["equipment", "service"])
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_tier_is_1_to_3",
                condition=models.Q(expected_from_tier__isnull=True) | models.Q(expected_from_tier__range=(1, 3)),
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The name in the language of the page."""
        return self.name_en if get_language() == "en" else self.name


class AmenityWord(models.Model):
    """A wording that means an amenity: 饮水机 and 免费茶水 both mean `hot-water`. Settled import doubts end here."""

    word = models.CharField(_("wording"), max_length=50)
    amenity = models.ForeignKey(Amenity, verbose_name=_("amenity"), on_delete=models.CASCADE, related_name="words")

    class Meta:
        verbose_name = _("amenity wording")
        verbose_name_plural = _("amenity wordings")
        ordering = ["word"]
        constraints = [models.UniqueConstraint(name="%(app_label)s_%(class)s_uniq", fields=["word", "amenity"])]

    def __str__(self) -> str:
        return self.word


class StationAmenity(models.Model):
    """That a station has an amenity."""

    station: models.ForeignKey["Station", "Station"] = models.ForeignKey(
        "stations.Station", verbose_name=_("station"), on_delete=models.CASCADE, related_name="station_amenities"
    )
    amenity = models.ForeignKey(
        Amenity, verbose_name=_("amenity"), on_delete=models.PROTECT, related_name="station_amenities"
    )

    class Meta:
        verbose_name = _("amenity of a station")
        verbose_name_plural = _("amenities of a station")
        constraints = [models.UniqueConstraint(name="%(app_label)s_%(class)s_uniq", fields=["station", "amenity"])]

    def __str__(self) -> str:
        return f"{self.station_id} {self.amenity_id}"
