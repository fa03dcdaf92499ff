"""Opening balances (期初): what a courier had on the paper ledger of a district that joins."""

import uuid
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from core import audit
from core.errors import InvalidValue
from core.models import User
from couriers import finding
from couriers.errors import CourierBlocked
from couriers.models import Courier
from points import ledger
from points.errors import OpenedAlready, OperationReused, SecondPersonMissing
from points.ledger import Posted
from points.models import Posting
from stations import access
from stations.models import Division, Duty

__all__ = ["open_balance"]

DOCUMENT_LENGTH = 120


@transaction.atomic
def open_balance(
    *, courier: Courier, points: int, district: Division, document: str, actor: User | str, approver: User | str,
    at: datetime,
) -> Posted:  # fmt: skip
    """Take over what the paper ledger of a district says about a courier; `document` says which ledger and page.

    It always takes two people who keep the district. There is only one opening for a courier and a district, ever: the
    posting's number is derived from both, so the database refuses a second, and the same request sent twice is one posting.
    After an opening was taken back (`reversing.take_back`) a corrected one may follow, whose number is derived from the
    taken-back one too.
    Raises: InvalidValue; SecondPersonMissing; OpenedAlready; CourierBlocked, CourierErased; what `access.require` does.
    Locks: Courier, then the accounts.
    """
    points = ledger.checked_amount("points", points)
    document = document.strip()
    if district.level != Division.Level.DISTRICT:
        raise InvalidValue("district", _("Give a district: paper ledgers are kept by districts."), value=district.code)
    if not 1 <= len(document) <= DOCUMENT_LENGTH:
        raise InvalidValue(
            "document",
            _("Name the paper ledger and its page, in at most {most} characters.").format(most=DOCUMENT_LENGTH),
        )
    if audit.actor_name(approver) == audit.actor_name(actor):
        raise SecondPersonMissing
    for person in (actor, approver):
        access.require(person, Duty.MANAGE, divisions=[district.code])
    courier = finding.locked(courier)
    if courier.status == Courier.Status.BLOCKED:
        raise CourierBlocked
    moves = [(ledger.of_district("opening", district.code), -points), (ledger.wallet(courier), points)]
    try:
        posted = ledger.post(
            kind=Posting.Kind.OPENING, moves=moves, op_id=_number(courier, district), actor=actor, approver=approver,
            at=at, source=document,
        )  # fmt: skip
    except OperationReused as error:
        raise OpenedAlready from error
    # As many points from another page are another balance, and not the same one told twice.
    if not posted.is_new and Posting.objects.filter(pk=posted.posting_id).exclude(source=document).exists():
        raise OpenedAlready
    if posted.is_new:
        data = {
            "points": points, "district": district.code, "document": document, "approver": audit.actor_name(approver)
        }  # fmt: skip
        audit.record("balance.opened", subject=("courier", courier.code), actor=actor, at=at, data=data)
    return posted


def _number(courier: Courier, district: Division) -> uuid.UUID:
    """The number of the opening that may be posted now.

    Raises: OpenedAlready if the district has opened a profile that was merged into this one.
    """
    openings = Posting.objects.filter(kind=Posting.Kind.OPENING, entries__account__division=district)
    stands = openings.filter(reversal__isnull=True)
    if stands.filter(entries__account__courier__merged_into=courier).exists():
        raise OpenedAlready
    taken_back = openings.filter(reversal__isnull=False, entries__account__courier=courier)
    last = taken_back.order_by("-pk").values_list("pk", flat=True).first()
    return uuid.uuid5(uuid.NAMESPACE_URL, f"opening:{district.code}:{courier.pk}:{last or ''}")
