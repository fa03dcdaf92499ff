"""Which staff may do what, and where."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from stations.models.divisions import Division
from stations.models.stations import Station

__all__ = ["Duty", "StaffRole"]


class Duty(models.TextChoices):
    """What a role lets its holder do within its scope. Each of them lets him see what lies there."""

    MANAGE = "manage", _("manage stations and their hours")
    REVIEW = "review", _("accept or refuse what others sent in")
    COUNTER = "counter", _("stand at the counter and confirm the door")
    VIEW = "view", _("look only")
    AUDIT = "audit", _("read the trail")


class StaffRole(models.Model):
    """One account's duties within one node of the division tree, or at one station, for a stretch of time.

    A row is ended, never deleted or widened, so that it is known who had which duty when (stations/staffing.py).
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("staff account"), on_delete=models.PROTECT, related_name="staff_roles"
    )
    division = models.ForeignKey(
        Division,
        verbose_name=_("division"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="staff_roles",
    )
    station = models.ForeignKey(
        Station, verbose_name=_("station"), on_delete=models.PROTECT, null=True, blank=True, related_name="staff_roles"
    )
    duties = ArrayField(models.CharField(max_length=16, choices=Duty), verbose_name=_("duties"))
    starts_at = models.DateTimeField(_("from"), default=clock.now)
    ends_at = models.DateTimeField(_("until"), null=True, blank=True, help_text=_("empty: until further notice"))

    class Meta:
        verbose_name = _("staff role")
        verbose_name_plural = _("staff roles")
        ordering = ["user", "pk"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_scope_is_division_or_station",
                condition=models.Q(division__isnull=False, station__isnull=True)
                | models.Q(division__isnull=True, station__isnull=False),
                violation_error_message=_("A role is for a division or for a station, one of the two."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_duties_are_known",
                condition=models.Q(duties__len__gt=0, duties__contained_by=Duty.values),
                violation_error_message=_("A role has at least one duty."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_ends_after_start",
                condition=models.Q(ends_at__isnull=True) | models.Q(ends_at__gte=models.F("starts_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.division or self.station}"
