"""The ledger: points and the stock of gifts in one set of books. points/sql/ledger.sql is its referee.

Rows are written by points/ledger.py and points/sealing.py alone. No column names a person: a wallet belongs to a courier's
row, which may lose its name and phone without a sum changing.
"""

from typing import TYPE_CHECKING

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from couriers.models import Courier
from points.models.gifts import Gift
from stations.models import Division, Station

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

__all__ = ["Account", "Entry", "Posting", "Seal", "SealedPosting"]


class Account(models.Model):
    """Whoever or whatever holds points, or pieces of one gift. Its unit is points where `gift` is empty.

    Bounded accounts (wallet, fund, stock, reserve) keep their balance, which is never below zero. The others are the other
    side of postings: where points come from and go to. Their value is the sum of their entries, and no transaction ever
    waits for them.
    """

    class Kind(models.TextChoices):
        WALLET = "wallet", _("a courier's points")
        FUND = "fund", _("a district's fund")
        STOCK = "stock", _("on hand at a station")
        RESERVE = "reserve", _("ordered, waiting at a station")
        ISSUED = "issued", _("allocated by the city")
        OPENING = "opening", _("taken over from the paper ledger")
        REDEEMED = "redeemed", _("redeemed at a district's counters")
        EXPIRED = "expired", _("expired")
        SUPPLIER = "supplier", _("received from outside")
        HANDED_OUT = "handed-out", _("handed over to couriers")
        SCRAPPED = "scrapped", _("scrapped")
        DIFFERENCE = "difference", _("found or missing at a count")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    gift = models.ForeignKey(
        Gift, verbose_name=_("gift"), on_delete=models.PROTECT, null=True, blank=True, related_name="accounts"
    )
    division = models.ForeignKey(
        Division, verbose_name=_("district"), on_delete=models.PROTECT, null=True, blank=True, related_name="accounts"
    )
    courier = models.ForeignKey(
        Courier, verbose_name=_("courier"), on_delete=models.PROTECT, null=True, blank=True, related_name="accounts"
    )
    station = models.ForeignKey(
        Station, verbose_name=_("station"), on_delete=models.PROTECT, null=True, blank=True, related_name="accounts"
    )
    # Set by the referee, from the kind: wallets, funds, stock and reserve (points/sql/ledger.sql).
    is_bounded = models.BooleanField(default=False, editable=False)
    balance = models.BigIntegerField(_("balance"), default=0, editable=False)
    seq = models.BigIntegerField(_("number of the last entry"), default=0, editable=False)

    if TYPE_CHECKING:
        entries: RelatedManager["Entry"]

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                name="%(app_label)s_%(class)s_one_of_each",
                fields=["kind", "gift", "division", "courier", "station"],
                nulls_distinct=False,
            ),
            # That its owner fits its kind is checked once, when it is made (points/sql/ledger.sql).
            models.CheckConstraint(name="%(app_label)s_%(class)s_balance_gte_0", condition=models.Q(balance__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"


class Posting(models.Model):
    """One event that moved points or gifts: who, why, when. Its entries come to 0 in each unit, and it is never changed.

    `op_id` is chosen by the caller, so that the same request sent twice is one posting. `source` names the document or the
    row behind it.
    """

    class Kind(models.TextChoices):
        ALLOCATION = "allocation", _("allocation by the city")
        OPENING = "opening", _("opening balance")
        AWARD = "award", _("award")
        REDEMPTION = "redemption", _("gift handed over at once")
        ORDER = "order", _("gift ordered")
        HANDOVER = "handover", _("gift handed over")
        EXPIRY = "expiry", _("points expired")
        MERGE = "merge", _("two profiles merged")
        RECEIPT = "receipt", _("gifts received")
        MOVE = "move", _("gifts moved")
        COUNT = "count", _("stock counted")
        SCRAP = "scrap", _("gifts scrapped")
        REVERSAL = "reversal", _("reversal")

    op_id = models.UUIDField(unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    actor_name = models.CharField(_("done by"), max_length=150)
    approver_name = models.CharField(_("approved by"), max_length=150, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    source = models.CharField(_("document"), max_length=120, blank=True)
    reverses = models.OneToOneField(
        "self", verbose_name=_("takes back"), on_delete=models.PROTECT, null=True, blank=True, related_name="reversal"
    )
    occurred_at = models.DateTimeField(_("when"))
    recorded_at = models.DateTimeField(_("recorded at"), editable=False)
    xid = models.BigIntegerField(editable=False)

    if TYPE_CHECKING:
        entries: RelatedManager["Entry"]

    class Meta:
        verbose_name = _("posting")
        verbose_name_plural = _("postings")
        ordering = ["-id"]
        constraints = [
            # That its kind is known is checked together with its entries (points/sql/ledger.sql).
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_only_a_reversal_takes_back",
                condition=models.Q(kind="reversal", reverses__isnull=False)
                | (~models.Q(kind="reversal") & models.Q(reverses__isnull=True)),
            ),
            models.CheckConstraint(name="%(app_label)s_%(class)s_has_an_actor", condition=~models.Q(actor_name="")),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_approver_is_another",
                condition=~models.Q(approver_name=models.F("actor_name")),
            ),
        ]
        indexes = [
            # Rows are added nearly in the order of time, so a settlement, a paper of stock and a look for what is odd read only
            # the stretches of their months, however long the ledger has become.
            BrinIndex(name="points_posting_days_idx", fields=["occurred_at"], pages_per_range=32, autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"


class Entry(models.Model):
    """What a posting moved on one account: points or pieces, plus or minus.

    The entries of a bounded account are numbered without a gap, and each says the balance after it.
    """

    posting = models.ForeignKey(
        Posting, verbose_name=_("posting"), on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    # No indexes of their own: those of the two constraints begin with these columns.
    account = models.ForeignKey(
        Account, verbose_name=_("account"), on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    amount = models.BigIntegerField(_("amount"))
    seq = models.BigIntegerField(_("number"), null=True, editable=False)
    balance_after = models.BigIntegerField(_("balance after"), null=True, editable=False)

    class Meta:
        verbose_name = pgettext_lazy("ledger", "entry")
        verbose_name_plural = _("entries")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(name="%(app_label)s_%(class)s_once_in_a_posting", fields=["posting", "account"]),
            models.UniqueConstraint(name="%(app_label)s_%(class)s_numbered", fields=["account", "seq"]),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_amount_is_not_0_and_below_a_billion",
                condition=~models.Q(amount=0) & models.Q(amount__range=(-1_000_000_000, 1_000_000_000)),
            ),
            # Number and balance are taken from the account, which is never below 0; the referee writes both.
        ]

    def __str__(self) -> str:
        return f"{self.posting_id}: {self.amount:+d}"


class Seal(models.Model):
    """A signed digest over the postings since the seal before, and over that seal's own digest: what was sealed cannot be
    changed unseen, not even by whoever owns the database."""

    number = models.BigIntegerField(_("number"), primary_key=True)
    postings = models.PositiveIntegerField(_("postings"))
    digest = models.CharField(_("digest"), max_length=64, help_text=_("HMAC-SHA256 under a key outside the database"))
    sealed_at = models.DateTimeField(_("sealed at"))

    class Meta:
        verbose_name = _("seal")
        verbose_name_plural = _("seals")
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_number_and_postings_gte_1",
                condition=models.Q(number__gte=1, postings__gte=1),
            ),
        ]

    def __str__(self) -> str:
        return gettext("seal {number}").format(number=self.number)


class SealedPosting(models.Model):
    """The place of a posting in the order in which postings were sealed."""

    number = models.BigIntegerField(primary_key=True)
    posting = models.OneToOneField(Posting, on_delete=models.PROTECT, related_name="sealed")
    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="sealed_postings")

    class Meta:
        verbose_name = _("sealed posting")
        verbose_name_plural = _("sealed postings")
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.number}"
