"""A gift taken for points: ordered, then handed over or given back; and the pass that proves who stands at the counter."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from couriers.models import Courier
from points.models.gifts import Gift
from points.models.ledger import Posting
from stations.models import Station

__all__ = ["Pass", "Redemption"]


class Redemption(models.Model):
    """One gift for one courier at one station, at the price of the moment it was ordered.

    The ledger says the rest: `ordered` took the points and set the piece aside; `ended` handed it over or, as the reversal
    of the order, brought both back. Done at the counter in one step, both are one posting.
    """

    class Status(models.TextChoices):
        ORDERED = "ordered", _("ordered")
        HANDED_OVER = "handed-over", _("handed over")
        CANCELLED = "cancelled", _("cancelled")
        EXPIRED = "expired", _("not fetched in time")

    code = models.CharField(_("code"), max_length=11, unique=True)
    courier = models.ForeignKey(
        Courier, verbose_name=_("courier"), on_delete=models.PROTECT, related_name="redemptions"
    )
    gift = models.ForeignKey(Gift, verbose_name=_("gift"), on_delete=models.PROTECT, related_name="redemptions")
    station = models.ForeignKey(
        Station, verbose_name=_("station"), on_delete=models.PROTECT, related_name="redemptions"
    )
    points = models.PositiveIntegerField(_("points"))
    status = models.CharField(_("status"), max_length=12, choices=Status)
    ordered = models.OneToOneField(Posting, on_delete=models.PROTECT, related_name="redemption_ordered")
    ended = models.OneToOneField(
        Posting, on_delete=models.PROTECT, null=True, blank=True, related_name="redemption_ended"
    )
    ordered_at = models.DateTimeField(_("ordered at"))
    fetch_until = models.DateTimeField(_("to be fetched until"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("redemption")
        verbose_name_plural = _("redemptions")
        ordering = ["-ordered_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_ended_says_by_what_and_when",
                condition=models.Q(status="ordered", ended__isnull=True, ended_at__isnull=True)
                | models.Q(
                    status__in=["handed-over", "cancelled", "expired"], ended__isnull=False, ended_at__isnull=False
                ),
            ),
            models.CheckConstraint(name="%(app_label)s_%(class)s_points_gte_1", condition=models.Q(points__gte=1)),
        ]
        indexes = [
            models.Index(name="points_redemption_month_idx", fields=["courier", "gift", "ordered_at"]),
            models.Index(
                name="points_redemption_waiting_idx", fields=["fetch_until"], condition=models.Q(status="ordered")
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Pass(models.Model):
    """Six digits on a courier's phone, for five minutes and one use: whoever shows them is he. Kept as a digest alone."""

    courier = models.OneToOneField(
        Courier, verbose_name=_("courier"), on_delete=models.CASCADE, primary_key=True, related_name="passport"
    )
    # Empty once it was used. NULL and not the empty text, which only one row could have.
    digest = models.CharField(max_length=64, unique=True, null=True, editable=False)  # noqa: DJ001
    expires_at = models.DateTimeField(_("valid until"))
    tries = models.PositiveSmallIntegerField(_("times shown"), default=0, db_default=0)

    class Meta:
        verbose_name = _("pass")
        verbose_name_plural = _("passes")
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_is_kept_as_digest",
                condition=models.Q(digest__isnull=True) | models.Q(digest__regex=r"^[0-9a-f]{64}$"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.courier_id}"
