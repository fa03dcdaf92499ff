"""Where a place belongs: the tree of administrative divisions, and the functional zones that lie across it."""

from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from stations.querysets import DivisionQuerySet

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

__all__ = ["Division", "DivisionAlias", "Zone"]


class Division(models.Model):
    """A node of the tree city 4201 → district 420106 → subdistrict 420106003 → neighbourhood 420106003005.

    The code is the path: what lies inside a node has a code that begins with the node's own, so scope is a prefix.
    A neighbourhood whose official code is unknown gets a local one: its subdistrict's and `L` and two symbols.
    Source: GB/T 2260 and the statistics codes of 2023 (stations/data/wuhan_divisions.csv).
    """

    class Level(models.TextChoices):
        CITY = "city", _("city")
        DISTRICT = "district", _("district")
        SUBDISTRICT = "subdistrict", _("subdistrict")
        NEIGHBOURHOOD = "neighbourhood", _("neighbourhood")

    code = models.CharField(_("code"), max_length=12, primary_key=True)
    level = models.CharField(_("level"), max_length=16, choices=Level)
    parent = models.ForeignKey(
        "self", verbose_name=_("lies in"), on_delete=models.PROTECT, null=True, blank=True, related_name="children"
    )
    name = models.CharField(_("name"), max_length=50, help_text=_("the full name, such as 韩家墩街道"))
    short_name = models.CharField(_("short name"), max_length=50, help_text=_("as people say it, such as 韩家墩"))
    name_en = models.CharField(_("English name"), max_length=80, blank=True)
    letters = models.CharField(
        _("letters"), max_length=3, blank=True, help_text=_("of a district, used in station codes: QK in WH-QK-0001")
    )
    is_area_like = models.BooleanField(
        _("area-like unit"),
        default=False,
        help_text=_("a park, farm or administration office that has a code of its own"),
    )
    stations_numbered = models.PositiveIntegerField(
        _("stations numbered"), default=0, editable=False, help_text=_("the last number given in this district")
    )

    objects = DivisionQuerySet.as_manager()

    if TYPE_CHECKING:
        aliases: RelatedManager["DivisionAlias"]
        children: RelatedManager["Division"]

    class Meta:
        verbose_name = _("division")
        verbose_name_plural = _("divisions")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_level_is_known",
                condition=models.Q(level__in=["city", "district", "subdistrict", "neighbourhood"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_code_begins_with_parent",
                condition=models.Q(parent__isnull=True) | models.Q(code__startswith=models.F("parent_id")),
                violation_error_message=_("The code must begin with the code of the division it lies in."),
            ),
            models.UniqueConstraint(name="%(app_label)s_%(class)s_name_uniq_in_parent", fields=["parent", "name"]),
            models.UniqueConstraint(
                name="%(app_label)s_%(class)s_letters_uniq", fields=["letters"], condition=~models.Q(letters="")
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The name in the language of the page."""
        return self.name_en if self.name_en and get_language() == "en" else self.name

    @property
    def district_code(self) -> str:
        """The six-digit code of the district this lies in (or the city's four digits, for the city)."""
        return self.code[:6]


class DivisionAlias(models.Model):
    """Another wording for a division: 韩家墩街 for 韩家墩街道. Learnt from data, from staff and from settled import doubts.

    A bare name is no key (李集街道 lies in 黄陂 and in 新洲), so an alias is looked up inside a known district.
    """

    division = models.ForeignKey(Division, verbose_name=_("division"), on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(_("wording"), max_length=50)

    class Meta:
        verbose_name = _("division alias")
        verbose_name_plural = _("division aliases")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(name="%(app_label)s_%(class)s_name_uniq", fields=["division", "name"])]

    def __str__(self) -> str:
        return self.name


class Zone(models.Model):
    """A functional zone, such as 东湖高新区: it has no official code, overlaps districts, and stands beside the tree."""

    code = models.SlugField(_("code"), max_length=32, primary_key=True)
    name = models.CharField(_("name"), max_length=50, unique=True)
    short_name = models.CharField(_("short name"), max_length=50)
    name_en = models.CharField(_("English name"), max_length=80, blank=True)
    aliases = ArrayField(models.CharField(max_length=50), verbose_name=_("aliases"), default=list, blank=True)

    class Meta:
        verbose_name = _("functional zone")
        verbose_name_plural = _("functional zones")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The name in the language of the page."""
        return self.name_en if self.name_en and get_language() == "en" else self.name
