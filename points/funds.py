"""A district's points: the city allocates them, and the district pays its couriers from them."""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from core import audit
from core.errors import InvalidValue
from core.models import User
from points import ledger
from points.errors import PostingReasonMissing
from points.ledger import Posted
from points.models import Account, Entry, Posting
from stations import access
from stations.access import CITY_CODE
from stations.models import Division, Duty

__all__ = ["allocate", "balance", "running_dry"]

# Below this share of what the city gave last, it is asked for more in time.
_LOW_SHARE = 0.1


@transaction.atomic
def allocate(
    *, district: Division, points: int, source: str, op_id: uuid.UUID, actor: User | str, at: datetime
) -> Posted:
    """Give a district points to pay with. Only the city may; `source` is the document behind it.

    Raises: InvalidValue; PostingReasonMissing without a paper; what `access.require` does.   Locks: the fund's account.
    """
    points = ledger.checked_amount("points", points)
    if district.level != Division.Level.DISTRICT:
        raise InvalidValue("district", _("Give a district: funds are kept by districts."), value=district.code)
    if not source.strip():
        raise PostingReasonMissing
    access.require(actor, Duty.MANAGE, divisions=[CITY_CODE])
    posted = ledger.post(
        kind=Posting.Kind.ALLOCATION,
        moves=[(ledger.of_district("issued", district.code), -points), (ledger.fund(district.code), points)],
        op_id=op_id,
        actor=actor,
        at=at,
        source=source.strip(),
    )
    if posted.is_new:
        data = {"points": points, "document": source.strip()}
        audit.record("fund.allocated", subject=("division", district.code), actor=actor, at=at, data=data)
    return posted


def balance(district: str) -> int:
    """What a district can still pay, in points."""
    found = Account.objects.filter(kind=Account.Kind.FUND, division=district)
    return found.values_list("balance", flat=True).first() or 0


def running_dry() -> QuerySet[Account]:
    """The funds in which less than a tenth is left of what the city allocated last, the emptiest first. An allocation that was
    taken back is none.
    """
    allocated = Entry.objects.filter(
        account__kind=Account.Kind.ISSUED, account__division=OuterRef("division"),
        posting__kind=Posting.Kind.ALLOCATION, posting__reversal__isnull=True,
    )  # fmt: skip
    # By their postings: entries of an account that keeps no balance have no numbers.
    last = Subquery(allocated.order_by("-posting_id").values("amount")[:1])
    funds = Account.objects.filter(kind=Account.Kind.FUND).annotate(last=-last)
    return funds.filter(balance__lt=F("last") * _LOW_SHARE).order_by("balance", "division")
