"""What was found at the door: confirmations, and how many came in."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock

if TYPE_CHECKING:
    from core.models import User
    from stations.models.stations import Station

__all__ = ["Confirmation", "StationUse"]


class Confirmation(models.Model):
    """Somebody's report of what he found at a station: he got in, the door was locked, equipment was broken, the place had
    moved away.

    `witness` is a keyed digest of the device's cookie and the station: it tells two devices apart at one station and
    cannot be followed from station to station. It is empty for staff. Source: reliability of proofs, docs/architecture.md.
    """

    class Outcome(models.TextChoices):
        ENTERED = "entered", _("got in")
        LOCKED = "locked", _("locked")
        BROKEN = "broken", _("equipment broken")
        MOVED = "moved", _("moved away")

    class Channel(models.TextChoices):
        STAFF = "staff", _("staff")
        DOOR = "door", _("courier at the door")
        REMOTE = "remote", _("courier from afar")

    station: models.ForeignKey["Station", "Station"] = models.ForeignKey(
        "stations.Station",
        verbose_name=_("station"),
        on_delete=models.CASCADE,
        related_name="confirmations",
        db_index=False,
    )
    outcome = models.CharField(_("found"), max_length=16, choices=Outcome)
    channel = models.CharField(_("by"), max_length=16, choices=Channel)
    witness = models.CharField(_("witness"), max_length=32, blank=True, editable=False)
    actor: models.ForeignKey["User | None", "User | None"] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("staff account"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    confirmed_at = models.DateTimeField(_("at"))
    # A device found it locked when by its hours it is: no news of the door, and no trouble.
    is_outside_hours = models.BooleanField(_("outside its hours"), default=False, db_default=False, editable=False)

    class Meta:
        verbose_name = _("confirmation")
        verbose_name_plural = _("confirmations")
        ordering = ["-confirmed_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_outcome_is_known",
                condition=models.Q(outcome__in=["entered", "locked", "broken", "moved"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_staff_or_witness",
                condition=models.Q(channel="staff", actor__isnull=False, witness="")
                | models.Q(channel__in=["door", "remote"], actor__isnull=True) & ~models.Q(witness=""),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_locked_outside_hours",
                condition=models.Q(is_outside_hours=False) | models.Q(outcome="locked", channel__in=["door", "remote"]),
            ),
        ]
        indexes = [
            models.Index(name="stations_confirmation_last_idx", fields=["station", "-confirmed_at"]),
            # Rows are added in the order of time, so a summary of each stretch of the table separates the last days from
            # the rest.
            BrinIndex(
                name="stations_confirmation_days_idx", fields=["confirmed_at"], pages_per_range=32, autosummarize=True
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} {clock.to_local(self.confirmed_at):%Y-%m-%d %H:%M}"

    @property
    def said(self) -> str:
        """What was found, in words: that it was locked when it is closed anyway says nothing against the station."""
        found = self.get_outcome_display()
        return gettext("{found}, outside its hours").format(found=found) if self.is_outside_hours else found


class StationUse(models.Model):
    """How many came to rest at a station on a day, and what they thought of it. Counted, never named (PIPL art. 28)."""

    station: models.ForeignKey["Station", "Station"] = models.ForeignKey(
        "stations.Station", verbose_name=_("station"), on_delete=models.CASCADE, related_name="uses", db_index=False
    )
    date = models.DateField(_("day"))
    uses = models.PositiveIntegerField(_("uses"), default=0)
    satisfied = models.PositiveIntegerField(_("satisfied"), default=0)
    dissatisfied = models.PositiveIntegerField(_("dissatisfied"), default=0)

    class Meta:
        verbose_name = _("uses of a day")
        verbose_name_plural = _("uses by day")
        ordering = ["-date"]
        constraints = [models.UniqueConstraint(name="%(app_label)s_%(class)s_day_uniq", fields=["station", "date"])]

    def __str__(self) -> str:
        return f"{self.date:%Y-%m-%d} {self.uses}"
