"""核实链接: a one-time link with which whoever stands at a station's door reports what is there; and the report."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from stations.geo import Point
from stations.models.proof import Confirmation
from stations.models.stations import Station

if TYPE_CHECKING:
    from core.models import User

__all__ = ["LINK_AGE", "MAX_PHOTOS", "LinkState", "VisitLink", "VisitReport"]

LINK_AGE = timedelta(days=7)
MAX_PHOTOS = 3


class LinkState(StrEnum):
    """What has become of a link. Only an open one takes a report."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"


class VisitLinkQuerySet(models.QuerySet["VisitLink"]):
    def open_at(self, at: datetime) -> Self:
        """Keep those that would still take a report."""
        return self.filter(used_at=None, revoked_at=None, expires_at__gt=at)


class VisitLink(models.Model):
    """A link to one station that is sent into a WeChat group and takes one report, from whoever is first at the door.

    The token in its address is shown once, to the account that made it, and kept only as its SHA-256: neither the table nor
    a colleague's page gives a link away. A lost link is revoked, and another one made.
    """

    station = models.ForeignKey(
        Station, verbose_name=_("station"), on_delete=models.CASCADE, related_name="visit_links"
    )
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    made_by: models.ForeignKey["User", "User"] = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("made by"), on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField(_("made at"), default=clock.now)
    expires_at = models.DateTimeField(_("valid until"))
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("taken back at"), null=True, blank=True)

    objects = VisitLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("link for a check at the door")
        verbose_name_plural = _("links for a check at the door")
        ordering = ["-made_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_token_is_kept_as_digest",
                condition=models.Q(token_digest__regex=r"^[0-9a-f]{64}$"),  # noqa: S106 - a pattern
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_expires_after_it_is_made",
                condition=models.Q(expires_at__gt=models.F("made_at")),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_used_or_taken_back",
                condition=models.Q(used_at__isnull=True) | models.Q(revoked_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.station} {clock.to_local(self.made_at):%Y-%m-%d %H:%M}"

    def state_at(self, at: datetime) -> LinkState:
        if self.used_at is not None:
            return LinkState.USED
        if self.revoked_at is not None:
            return LinkState.REVOKED
        return LinkState.OPEN if at < self.expires_at else LinkState.EXPIRED


class VisitReportQuerySet(models.QuerySet["VisitReport"]):
    def waiting(self) -> Self:
        """Keep those that nobody has decided on yet."""
        return self.filter(state=VisitReport.State.SENT)


class VisitReport(models.Model):
    """What somebody found at the door, sent through a link: proposals, until staff accept or refuse them.

    What was left out is NULL or empty and proposes nothing. Positions are WGS-84 degrees; `entered_crs` keeps the datum
    they were given in. `photos` are names of files that core/images.py drew anew; they go when the report is decided.
    """

    class State(models.TextChoices):
        SENT = "sent", _("to be decided")
        ACCEPTED = "accepted", _("accepted")
        PARTLY = "partly", _("accepted in part")
        REFUSED = "refused", _("refused")

    link = models.OneToOneField(VisitLink, verbose_name=_("link"), on_delete=models.CASCADE, related_name="report")
    station_version = models.PositiveIntegerField(_("version of the station when it was sent"))
    outcome = models.CharField(_("found"), max_length=16, choices=Confirmation.Outcome)
    latitude = models.FloatField(_("latitude"), null=True, blank=True)
    longitude = models.FloatField(_("longitude"), null=True, blank=True)
    entered_crs = models.CharField(_("entered as"), max_length=8, choices=Station.Crs, blank=True)
    accuracy_m = models.PositiveIntegerField(_("accuracy (m)"), null=True, blank=True)
    hours_text = models.CharField(_("opening hours"), max_length=200, blank=True)
    amenities = ArrayField(models.CharField(max_length=32), verbose_name=_("amenities"), null=True, blank=True)
    note = models.CharField(_("remark"), max_length=300, blank=True)
    photos = ArrayField(models.CharField(max_length=100), verbose_name=_("photos"), default=list, blank=True)
    witness = models.CharField(_("witness"), max_length=32, editable=False)
    sent_at = models.DateTimeField(_("sent at"))

    state = models.CharField(_("state"), max_length=16, choices=State, default=State.SENT)
    decided_by: models.ForeignKey["User | None", "User | None"] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("decided by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=120, blank=True)

    objects = VisitReportQuerySet.as_manager()

    class Meta:
        verbose_name = _("report from the door")
        verbose_name_plural = _("reports from the door")
        ordering = ["-sent_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_outcome_is_known",
                condition=models.Q(outcome__in=Confirmation.Outcome.values),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_position_is_whole_and_said_in_a_datum",
                condition=models.Q(latitude__isnull=True, longitude__isnull=True, entered_crs="", accuracy_m=None)
                # A range check of NULL is NULL, and a CHECK that is NULL passes.
                | models.Q(
                    latitude__isnull=False,
                    latitude__range=(-85, 85),
                    longitude__isnull=False,
                    longitude__range=(-180, 180),
                    entered_crs__in=Station.Crs.values,
                ),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_has_at_most_3_photos",
                condition=models.Q(photos__len__lte=MAX_PHOTOS),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_state_is_known",
                condition=models.Q(state__in=["sent", "accepted", "partly", "refused"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_decided_by_somebody_or_waiting",
                condition=models.Q(state="sent", decided_by__isnull=True, decided_at__isnull=True)
                | ~models.Q(state="sent") & models.Q(decided_by__isnull=False, decided_at__isnull=False),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_refused_with_a_reason",
                condition=~models.Q(state="refused") | ~models.Q(reason=""),
            ),
        ]
        indexes = [
            models.Index(name="stations_visitreport_wait_idx", fields=["sent_at"], condition=models.Q(state="sent")),
        ]

    def __str__(self) -> str:
        return f"{self.station} {clock.to_local(self.sent_at):%Y-%m-%d %H:%M}"

    @property
    def station(self) -> Station:
        """The station that the link is for. Asks the database where `link__station` was not selected."""
        return self.link.station

    @property
    def position(self) -> Point | None:
        """Where the phone stood, if it said so. WGS-84."""
        return None if self.latitude is None or self.longitude is None else Point(self.latitude, self.longitude)

    @property
    def is_waiting(self) -> bool:
        return self.state == self.State.SENT
