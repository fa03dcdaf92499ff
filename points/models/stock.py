"""What the ledger does not say about stock: the document of a delivery, when a cabinet runs low, and what was asked for in
vain.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from points.models.gifts import Gift
from points.models.ledger import Account, Posting
from stations.models import Station

__all__ = ["GiftWanted", "LowStock", "Receipt", "StockMark"]


class Receipt(models.Model):
    """The document behind a posting by which gifts came in."""

    class Funding(models.TextChoices):
        BUDGET = "budget", _("public budget")
        UNION = "union", _("trade union")
        PARTY_DUES = "party-dues", _("party dues")
        DONATION = "donation", _("donation")

    posting = models.OneToOneField(
        Posting, verbose_name=_("posting"), on_delete=models.PROTECT, primary_key=True, related_name="receipt"
    )
    document_no = models.CharField(_("document no."), max_length=40)
    unit_price_cny = models.DecimalField(_("price of one (CNY)"), max_digits=8, decimal_places=2)
    funding = models.CharField(_("paid by"), max_length=12, choices=Funding)
    donor = models.CharField(_("donor"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("receipt of gifts")
        verbose_name_plural = _("receipts of gifts")
        ordering = ["-posting_id"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_funding_is_known",
                condition=models.Q(funding__in=["budget", "union", "party-dues", "donation"]),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_a_donation_names_its_donor",
                condition=models.Q(funding="donation") & ~models.Q(donor="")
                | ~models.Q(funding="donation") & models.Q(donor=""),
                violation_error_message=_("A donation names its donor, and nothing else does."),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_unit_price_gte_0", condition=models.Q(unit_price_cny__gte=0)
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_has_a_document", condition=~models.Q(document_no="")
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.document_no


class StockMark(models.Model):
    """The number of pieces below which a gift runs low: at one station, or at every station that has no mark of its own."""

    gift = models.ForeignKey(Gift, verbose_name=_("gift"), on_delete=models.CASCADE, related_name="stock_marks")
    station = models.ForeignKey(
        Station, verbose_name=_("station"), on_delete=models.CASCADE, null=True, blank=True, related_name="stock_marks"
    )
    pieces = models.PositiveIntegerField(_("pieces"), help_text=_("0: it never runs low here"))

    class Meta:
        verbose_name = _("low-stock mark")
        verbose_name_plural = _("low-stock marks")
        ordering = ["gift", "station"]
        constraints = [
            models.UniqueConstraint(
                name="%(app_label)s_%(class)s_one_a_cabinet", fields=["gift", "station"], nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.pieces}"


class LowStock(models.Model):
    """A cabinet that has fallen below its mark: its keepers were told, and will be told again only after it has been filled
    up.
    """

    account = models.OneToOneField(
        Account, verbose_name=_("account"), on_delete=models.CASCADE, primary_key=True, related_name="low"
    )
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("stock that runs low")
        verbose_name_plural = _("stock that runs low")
        ordering = ["account"]

    def __str__(self) -> str:
        return f"{self.account_id}"


class GiftWanted(models.Model):
    """How often a gift was asked for at a station on a day when it was not there. Counted, never named."""

    gift = models.ForeignKey(
        Gift, verbose_name=_("gift"), on_delete=models.CASCADE, related_name="wanted", db_index=False
    )
    station = models.ForeignKey(
        Station, verbose_name=_("station"), on_delete=models.CASCADE, related_name="gifts_wanted"
    )
    date = models.DateField(_("day"))
    times = models.PositiveIntegerField(_("times"))

    class Meta:
        verbose_name = _("gift wanted and out of stock")
        verbose_name_plural = _("gifts wanted and out of stock")
        ordering = ["-date"]
        constraints = [
            models.UniqueConstraint(name="%(app_label)s_%(class)s_day_uniq", fields=["gift", "station", "date"]),
            models.CheckConstraint(name="%(app_label)s_%(class)s_times_gte_1", condition=models.Q(times__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.date:%Y-%m-%d} {self.times}"
