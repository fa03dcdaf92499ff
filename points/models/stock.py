"""What the ledger does not say of a delivery of gifts: paper, price, and whose money it was."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from points.models.ledger import Posting

__all__ = ["Receipt"]


class Receipt(models.Model):
    """The paper behind a posting by which gifts came in."""

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
        ordering = ["-posting"]
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
