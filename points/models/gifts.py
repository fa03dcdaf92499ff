"""What points can be spent on: gifts of a district, and what each costs when."""

from datetime import date
from typing import TYPE_CHECKING

from django.db import models
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from core import dated
from stations.models import Division

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

__all__ = ["Gift", "GiftPrice"]


class Gift(models.Model):
    """A thing that a district's stations hand out for points, such as an umbrella. Its code is short and permanent."""

    code = models.SlugField(_("code"), max_length=32, unique=True, help_text=_("such as wc-umbrella; it stays"))
    division = models.ForeignKey(
        Division, verbose_name=_("district"), on_delete=models.PROTECT, related_name="gifts",
        help_text=_("whose stations hand it out"),
    )  # fmt: skip
    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("name in English"), max_length=60, blank=True)
    is_offered = models.BooleanField(
        _("offered"), default=True, help_text=_("switched off, it can no longer be ordered; what is ordered stays")
    )

    most_a_month = models.PositiveSmallIntegerField(
        _("at most so many a month"), null=True, blank=True, help_text=_("for each courier; empty: as many as he likes")
    )

    photo = models.ImageField(_("photo"), upload_to="gifts/", blank=True)

    if TYPE_CHECKING:
        prices: RelatedManager["GiftPrice"]

    class Meta:
        verbose_name = _("gift")
        verbose_name_plural = _("gifts")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_most_a_month_gte_1",
                condition=models.Q(most_a_month__isnull=True) | models.Q(most_a_month__gte=1),
                violation_error_message=_("Give 1 or more, or leave it empty."),
            )
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The name in the language of the page."""
        return self.name_en if self.name_en and get_language() == "en" else self.name

    @property
    def photo_url(self) -> str:
        """The address of the photo, another one for each photo; empty without one."""
        if not self.photo.name:
            return ""
        version = self.photo.name.rsplit("/", 1)[-1].partition(".")[0]
        return f"{reverse('points:gift-photo', args=[self.code])}?v={version}"

    def price_on(self, day: date) -> int | None:
        """What it costs on a day, in points; None if it has no price."""
        return self.prices.filter(dated.holds_on(day)).values_list("points", flat=True).first()


class GiftPrice(models.Model):
    """What a gift costs, from one day to another. It has only one price on any day."""

    gift = models.ForeignKey(Gift, verbose_name=_("gift"), on_delete=models.CASCADE, related_name="prices")
    points = models.PositiveIntegerField(_("points"))
    valid_from = models.DateField(_("valid from"))
    valid_through = models.DateField(
        _("valid through"), null=True, blank=True, help_text=_("empty: until further notice")
    )

    class Meta:
        verbose_name = _("price")
        verbose_name_plural = _("prices")
        ordering = ["gift", "valid_from"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_points_1_to_1000000",
                condition=models.Q(points__range=(1, 1_000_000)),
                violation_error_message=_("A price is 1 to 1,000,000 points."),
            ),
            dated.starts_before_it_ends(),
            dated.one_on_a_day(
                of="gift", message=_("On some day the gift would have two prices. End the earlier one first.")
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.points}"
