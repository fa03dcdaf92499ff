"""A gift taken for points: ordered, then handed over or given back; what proves who stands at the counter, a pass or a
place in the queue; and what a courier says who did not get it.
"""

from django.contrib.postgres.indexes import BrinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from couriers.models import Courier
from points.models.gifts import Gift
from points.models.ledger import Posting
from stations.models import Station

__all__ = ["Dispute", "Pass", "QueuePlace", "Redemption"]


class Redemption(models.Model):
    """One gift for one courier at one station, at the price of the moment it was ordered.

    The ledger says the rest: `ordered` took the points and set the piece aside; `ended` handed it over or, as the reversal
    of the order, brought both back. If it is done at the counter in one step, both are the same posting.
    """

    class Status(models.TextChoices):
        ORDERED = "ordered", _("ordered")
        HANDED_OVER = "handed-over", _("handed over")
        CANCELLED = "cancelled", _("cancelled")
        EXPIRED = "expired", _("not fetched in time")
        RETURNED = "returned", _("taken back, points returned")

    # Unique by a constraint: unique=True would make a second index, for prefix searches, which nobody needs.
    code = models.CharField(_("code"), max_length=11)
    # Found through the index for the monthly limit.
    courier = models.ForeignKey(
        Courier, verbose_name=_("courier"), on_delete=models.PROTECT, related_name="redemptions", db_index=False
    )
    gift = models.ForeignKey(Gift, verbose_name=_("gift"), on_delete=models.PROTECT, related_name="redemptions")
    station = models.ForeignKey(
        Station, verbose_name=_("station"), on_delete=models.PROTECT, related_name="redemptions"
    )
    points = models.IntegerField(_("points"))
    status = models.CharField(_("status"), max_length=12, choices=Status)
    ordered = models.OneToOneField(Posting, on_delete=models.PROTECT, related_name="redemption_ordered")
    ended = models.OneToOneField(
        Posting, on_delete=models.PROTECT, null=True, blank=True, related_name="redemption_ended"
    )
    # The reversal that gave his points back after it was handed over: he disputed it and was right, or it was a mistake.
    returned = models.OneToOneField(
        Posting, on_delete=models.PROTECT, null=True, blank=True, related_name="redemption_returned"
    )
    ordered_at = models.DateTimeField(_("ordered at"))
    fetch_until = models.DateTimeField(_("to be fetched until"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    # Set if it was written on paper while the network was down, and entered afterwards (points/late.py).
    form_no = models.CharField(_("paper form"), max_length=32, blank=True, default="", db_default="")
    form_line = models.SmallIntegerField(_("line of the form"), null=True, blank=True)

    class Meta:
        verbose_name = _("redemption")
        verbose_name_plural = _("redemptions")
        ordering = ["-ordered_at", "-id"]
        constraints = [
            models.UniqueConstraint(name="%(app_label)s_%(class)s_code_uniq", fields=["code"]),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_ended_says_by_what_and_when",
                condition=models.Q(status="ordered", ended__isnull=True, ended_at__isnull=True)
                | models.Q(
                    status__in=["handed-over", "cancelled", "expired", "returned"],
                    ended__isnull=False,
                    ended_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_returned_says_by_what",
                condition=models.Q(status="returned", returned__isnull=False)
                | ~models.Q(status="returned") & models.Q(returned__isnull=True),
            ),
            models.CheckConstraint(name="%(app_label)s_%(class)s_points_gte_1", condition=models.Q(points__gte=1)),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_a_form_has_lines",
                condition=models.Q(form_no="", form_line__isnull=True)
                | models.Q(form_line__isnull=False, form_line__gte=1) & ~models.Q(form_no=""),
            ),
            models.UniqueConstraint(
                name="%(app_label)s_%(class)s_a_line_is_entered_once",
                fields=["form_no", "form_line"],
                condition=~models.Q(form_no=""),
            ),
        ]
        indexes = [
            models.Index(name="points_redemption_month_idx", fields=["courier", "gift", "ordered_at"]),
            models.Index(
                name="points_redemption_waiting_idx", fields=["fetch_until"], condition=models.Q(status="ordered")
            ),
            # For the counter's list of the day.
            BrinIndex(name="points_redemption_days_idx", fields=["ended_at"], pages_per_range=32, autosummarize=True),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def is_late(self) -> bool:
        """补录: entered afterwards, from a line of a paper form. `ordered_at` says when it happened, its posting when it was recorded."""
        return self.form_no != ""

    @property
    def receipt_no(self) -> str:
        """The code in groups, as it is shown on both screens and read out: XXXX-XXXX-XXX."""
        return "-".join((self.code[:4], self.code[4:8], self.code[8:]))


class Pass(models.Model):
    """Six digits on a courier's phone, for five minutes and one use: whoever shows them is that courier. Kept only as a
    digest.
    """

    courier = models.OneToOneField(
        Courier, verbose_name=_("courier"), on_delete=models.CASCADE, primary_key=True, related_name="passport"
    )
    # Empty once used. NULL rather than the empty text, which only one row could have.
    digest = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001
    expires_at = models.DateTimeField(_("valid until"))
    tries = models.SmallIntegerField(_("times shown"), default=0, db_default=0)

    class Meta:
        verbose_name = _("pass")
        verbose_name_plural = _("passes")
        constraints = [
            models.UniqueConstraint(name="%(app_label)s_%(class)s_digest_uniq", fields=["digest"]),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_is_kept_as_digest",
                condition=models.Q(digest__isnull=True) | models.Q(digest__regex=r"^[0-9a-f]{64}$"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.courier_id}"


class QueuePlace(models.Model):
    """Somebody waits at a cabinet: his own phone, signed in, scanned the code there, and says a number that the steward calls.

    It lasts half an hour (points/queue.py), and ends with the hand-over.
    """

    redemption = models.OneToOneField(
        Redemption, verbose_name=_("redemption"), on_delete=models.CASCADE, primary_key=True, related_name="queue_place"
    )
    station = models.ForeignKey(
        Station, verbose_name=_("station"), on_delete=models.CASCADE, related_name="queue", db_index=False
    )
    number = models.PositiveSmallIntegerField(
        _("call number"), validators=[MinValueValidator(10), MaxValueValidator(99)], help_text=_("two digits")
    )
    joined_at = models.DateTimeField(_("waiting since"))

    class Meta:
        verbose_name = _("place in a queue")
        verbose_name_plural = _("places in queues")
        ordering = ["joined_at"]
        constraints = [
            models.UniqueConstraint(
                name="%(app_label)s_%(class)s_number_is_called_once", fields=["station", "number"]
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_number_has_two_digits",
                condition=models.Q(number__gte=10, number__lte=99),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.number}"


class Dispute(models.Model):
    """不是我领的: the courier says that he did not get what the books say he got. His district decides, never who handed it over."""

    class Ruling(models.TextChoices):
        OPEN = "open", _("not decided yet")
        UPHELD = "upheld", _("he is right: the points go back")
        DISMISSED = "dismissed", _("it was handed to him")

    redemption = models.OneToOneField(
        Redemption, verbose_name=_("redemption"), on_delete=models.PROTECT, related_name="dispute"
    )
    words = models.CharField(_("what the courier says"), max_length=200, blank=True)
    opened_at = models.DateTimeField(_("opened at"))
    ruling = models.CharField(_("ruling"), max_length=12, choices=Ruling, default=Ruling.OPEN)
    answer = models.CharField(_("answer to the courier"), max_length=200, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_decided_says_when_by_whom_and_why",
                condition=models.Q(ruling="open", decided_at__isnull=True, decided_by="", answer="")
                | models.Q(ruling__in=["upheld", "dismissed"], decided_at__isnull=False)
                & ~models.Q(decided_by="")
                & ~models.Q(answer=""),
            )
        ]

    def __str__(self) -> str:
        return gettext("dispute {number}: {ruling}").format(number=self.pk, ruling=self.get_ruling_display())
