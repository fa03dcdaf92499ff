"""What stations would like to hand out, and what their district decided."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from points.models.gifts import Gift
from stations.models import Station

__all__ = ["GiftProposal"]


class GiftProposal(models.Model):
    """A station's proposal that its district put a gift on its list. Whoever keeps the district decides, but never on his
    own proposal.
    """

    class Status(models.TextChoices):
        OPEN = "open", _("waits for a decision")
        ACCEPTED = "accepted", _("accepted")
        DECLINED = "declined", _("declined")

    station = models.ForeignKey(
        Station, verbose_name=_("station"), on_delete=models.PROTECT, related_name="gift_proposals"
    )
    name = models.CharField(_("name"), max_length=60)
    why = models.CharField(_("why"), max_length=300, help_text=_("what couriers say, and what it costs to buy"))
    points = models.PositiveIntegerField(
        _("wanted price (points)"), null=True, blank=True, help_text=_("empty: the district says")
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    proposed_by = models.CharField(_("proposed by"), max_length=150)
    proposed_at = models.DateTimeField(_("proposed at"))
    decided_by = models.CharField(_("decided by"), max_length=150, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    gift = models.OneToOneField(
        Gift, verbose_name=_("gift"), on_delete=models.PROTECT, null=True, blank=True, related_name="proposal"
    )

    class Meta:
        verbose_name = _("gift proposed")
        verbose_name_plural = _("gifts proposed")
        ordering = ["-proposed_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_decided_says_by_whom_and_when",
                condition=models.Q(status="open", decided_by="", decided_at__isnull=True)
                | (models.Q(status__in=["accepted", "declined"], decided_at__isnull=False) & ~models.Q(decided_by="")),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_accepted_became_a_gift",
                condition=models.Q(status="accepted", gift__isnull=False)
                | (~models.Q(status="accepted") & models.Q(gift__isnull=True)),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_declined_says_why",
                condition=~models.Q(status="declined") | ~models.Q(reason=""),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_nobody_decides_on_his_own",
                condition=~models.Q(proposed_by=models.F("decided_by")),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_points_1_to_1000000",
                condition=models.Q(points__isnull=True) | models.Q(points__range=(1, 1_000_000)),
                violation_error_message=_("A price is 1 to 1,000,000 points."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_says_what_why_and_by_whom",
                condition=~models.Q(name="") & ~models.Q(why="") & ~models.Q(proposed_by=""),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN
