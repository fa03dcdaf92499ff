"""How long points are good for: rows with a validity, so that the past can still be explained."""

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock, dated

__all__ = ["ExpiryRule"]


class ExpiryRule(models.Model):
    """For how many months after the one in which they were earned points are good, in the whole city, to the end of the
    last month.

    The rule in force on the last day of a month says what expires at its end. If there is none, nothing expires.
    """

    months = models.PositiveSmallIntegerField(_("good for so many months"))
    valid_from = models.DateField(_("valid from"))
    valid_through = models.DateField(
        _("valid through"), null=True, blank=True, help_text=_("empty: until further notice")
    )

    class Meta:
        verbose_name = _("expiry rule")
        verbose_name_plural = _("expiry rules")
        ordering = ["-valid_from"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_months_1_to_120",
                condition=models.Q(months__range=(1, 120)),
                violation_error_message=_("Points are good for 1 to 120 months."),
            ),
            # Beyond, no calendar could tell a courier when his points expire.
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_begins_2000_to_2100",
                condition=models.Q(valid_from__range=(clock.FIRST_DAY, clock.LAST_DAY)),
                violation_error_message=_("Give a day from 2000 to 2100."),
            ),
            dated.starts_before_it_ends(),
            dated.one_on_a_day(message=_("On some day two rules would hold. End the earlier one first.")),
        ]

    def __str__(self) -> str:
        return gettext("points good for {months} months").format(months=self.months)
