"""不是我领的: a courier disputes a redemption, and his district decides; never whoever handed it over or signed for it."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from core import audit, notices
from core.models import User
from couriers import finding
from couriers.models import Courier
from points import ledger
from points.errors import (
    DisputeDecided,
    DisputeTooLate,
    NotHandedOver,
    OwnHandOver,
    PostingReasonMissing,
)
from points.models import Account, Dispute, Entry, Posting, Redemption
from stations import access
from stations.access import CITY_CODE
from stations.models import Duty, StaffRole

__all__ = ["DECIDERS", "OPEN_WITHIN", "decide", "give_back", "involved", "open_dispute", "part_of"]

# Longer than a courier goes without looking at his points, and short enough for the steward to remember.
OPEN_WITHIN = timedelta(days=90)
DECIDERS = (Duty.MANAGE, Duty.REVIEW)


@transaction.atomic
def open_dispute(*, redemption: Redemption, words: str, at: datetime) -> Dispute:
    """The courier himself says that he did not get this. If he says it twice, it is one dispute. Only those who decide are
    told.

    Raises: NotHandedOver with the status; DisputeTooLate; CourierErased, CourierMerged.   Locks: Courier, Redemption.
    """
    # Otherwise he could be erased in the meantime: his words would stay, and his points would have nowhere to return to.
    finding.locked(redemption.courier.merged_into or redemption.courier)
    redemption = _locked(redemption)
    if (before := Dispute.objects.filter(redemption=redemption).first()) is not None:
        return before
    if redemption.status != Redemption.Status.HANDED_OVER or redemption.ended_at is None:
        raise NotHandedOver(found=redemption.status)
    if redemption.ended_at <= at - OPEN_WITHIN:
        raise DisputeTooLate
    dispute = Dispute.objects.create(redemption=redemption, words=words.strip()[:200], opened_at=at)
    # For the city to read: a district's trail is read by its staff, and one of them may have handed it over.
    _record("dispute.opened", redemption, subject=("dispute", redemption.code), actor="self", at=at)
    _tell(dispute, redemption, at=at)
    return dispute


@transaction.atomic
def decide(*, dispute: Dispute, ruling: str, answer: str, op_id: uuid.UUID, actor: User | str, at: datetime) -> Dispute:
    """Say who is right, with an answer that the courier reads. If the courier is, his points come back, and the piece is in
    the books again: since it is not in the cabinet, the next count finds it missing and says so.

    Raises: PostingReasonMissing without an answer; OwnHandOver; DisputeDecided with the ruling; what `access.require` does.
    Locks: Courier, Redemption, Dispute, then the accounts.
    """
    answer = answer.strip()[:200]
    if not answer:
        raise PostingReasonMissing
    district = dispute.redemption.station.district_code
    access.require(actor, *DECIDERS, divisions=[district])
    courier = Courier.objects.select_for_update(no_key=True, of=("self",)).get(pk=dispute.redemption.courier_id)
    redemption = _locked(dispute.redemption)
    dispute = Dispute.objects.select_for_update(no_key=True, of=("self",)).get(pk=dispute.pk)
    name = audit.actor_name(actor)
    if dispute.ruling != Dispute.Ruling.OPEN:
        if (dispute.ruling, dispute.answer, dispute.decided_by) == (ruling, answer, name):
            return dispute
        raise DisputeDecided(found=dispute.ruling)
    if name in involved(redemption):
        raise OwnHandOver
    if ruling == Dispute.Ruling.UPHELD:
        give_back(redemption, courier, reason=answer, op_id=op_id, actor=actor, at=at)
    dispute.ruling, dispute.answer, dispute.decided_at, dispute.decided_by = ruling, answer, at, name
    dispute.save(update_fields=["ruling", "answer", "decided_at", "decided_by"])
    # Under the district, whose trail a single station's steward cannot read.
    _record(f"dispute.{ruling}", redemption, subject=("division", district), actor=actor, at=at, reason=answer)
    return dispute


def involved(redemption: Redemption) -> set[str]:
    """The names of those who had a hand in it: whoever gave it, and whoever signed in place of a pass."""
    given = redemption.ended
    return set() if given is None else {name for name in (given.actor_name, given.approver_name) if name}


def part_of(name: str) -> Q:
    """The condition that keeps the disputes of redemptions in which the account of this name is `involved`."""
    return Q(redemption__ended__actor_name=name) | Q(redemption__ended__approver_name=name)


def _locked(redemption: Redemption) -> Redemption:
    rows = Redemption.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("station", "gift", "ordered", "ended").get(pk=redemption.pk)


def give_back(
    redemption: Redemption, courier: Courier, *, reason: str, op_id: uuid.UUID, actor: User | str, at: datetime
) -> None:
    """Give back points and piece of what was handed over, for a caller who has decided so and holds both rows locked. The
    hand-over is reversed first, then the order; the accounts of both are locked by number before either.
    """
    ordered, ended = redemption.ordered, redemption.ended
    moved = Q(pk__in=Entry.objects.filter(posting__in=[ordered, ended]).values("account"))
    if courier.merged_into is not None:
        moved |= Q(kind="wallet", courier=courier.merged_into)
    list(Account.objects.select_for_update(no_key=True, of=("self",)).filter(moved).order_by("pk"))
    if ended is not None and ended != ordered:
        first = uuid.uuid5(op_id, "handover")
        ledger.reverse(posting=ended, reason=reason, op_id=first, actor=actor, at=at)
    posted = ledger.reverse(posting=ordered, reason=reason, op_id=op_id, actor=actor, at=at)
    redemption.status, redemption.returned_id = Redemption.Status.RETURNED, posted.posting_id
    redemption.save(update_fields=["status", "returned"])
    if courier.merged_into is not None:  # the points are his other profile's, which goes on
        source, target = ledger.wallet(courier), ledger.wallet(courier.merged_into)
        ledger.post(
            kind=Posting.Kind.MERGE, moves=[(source, -redemption.points), (target, redemption.points)],
            op_id=uuid.uuid5(op_id, "merged"), actor=actor, at=at, reason=reason,
        )  # fmt: skip


def _tell(dispute: Dispute, redemption: Redemption, *, at: datetime) -> None:
    station = redemption.station
    with translation.override(settings.LANGUAGE_CODE):
        text = _("A courier says that he did not get {gift} at {station}: redemption {code}.").format(
            gift=redemption.gift.name, station=station.name, code=redemption.code
        )
    notices.add(
        matter=f"dispute.opened {redemption.code}", text=text, at=at,
        recipients=_deciders(station.district_code, besides=involved(redemption), at=at),
        path=reverse("admin:points_dispute_change", args=[dispute.pk]),
    )  # fmt: skip


def _deciders(district: str, *, besides: set[str], at: datetime) -> list[str]:
    """Who may decide in the district: its own office, or the city's if the district has nobody besides those involved."""
    roles = StaffRole.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=at), starts_at__lte=at, division__in=[district, CITY_CODE],
        duties__overlap=list(DECIDERS), user__is_active=True,
    ).exclude(user__username__in=besides)  # fmt: skip
    found = list(roles.values_list("division", "user__username"))
    own = [name for division, name in found if division == district]
    return own or [name for _division, name in found]


def _record(
    kind: str, redemption: Redemption, *, subject: tuple[str, str], actor: User | str, at: datetime, reason: str = ""
) -> None:
    data = {"redemption": redemption.code, "gift": redemption.gift.code}
    audit.record(kind, subject=subject, actor=actor, at=at, data=data | ({"reason": reason} if reason else {}))
