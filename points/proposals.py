"""Gifts that stations propose to their district, and what it decides."""

from datetime import datetime
from typing import Any

from django.db import transaction

from core import audit, clock
from core.models import User
from points import gifts
from points.errors import OwnProposal, PostingReasonMissing, ProposalDecided
from points.models import GiftProposal
from stations import access
from stations.models import Division, Duty, Station

__all__ = ["PROPOSERS", "accept", "decline", "propose"]

PROPOSERS = (Duty.COUNTER, Duty.MANAGE)


@transaction.atomic
def propose(
    *, station: Station, name: str, why: str, points: int | None = None, actor: User | str, at: datetime
) -> GiftProposal:
    """Ask the station's district to put a gift on its list.   Raises: ValidationError; what `access.require` does."""
    access.require(actor, *PROPOSERS, stations=[station])
    proposal = GiftProposal(
        station=station, name=name.strip(), why=why.strip(), points=points, proposed_by=audit.actor_name(actor),
        proposed_at=at,
    )  # fmt: skip
    proposal.full_clean()
    proposal.save()
    data = {"name": proposal.name, "points": points, "station": station.code}
    _record("gift.proposed", proposal, actor=actor, at=at, data=data)
    return proposal


@transaction.atomic
def accept(
    *, proposal: GiftProposal, code: str, points: int, name_en: str = "", actor: User | str, at: datetime
) -> GiftProposal:
    """Put the gift on the district's list under a code, with a price from today on.

    Raises: ProposalDecided; OwnProposal; ValidationError; what `access.require` does.   Locks: GiftProposal, Gift.
    """
    proposal = _deciding(proposal, actor=actor)
    district = Division.objects.get(pk=proposal.station.district_code)
    gift = gifts.register(code=code, district=district, name=proposal.name, name_en=name_en, actor=actor, at=at)
    gifts.set_price(gift=gift, points=points, valid_from=clock.local_date(at), actor=actor, at=at)
    proposal.gift = gift
    return _decide(
        proposal, GiftProposal.Status.ACCEPTED, actor=actor, at=at, data={"gift": gift.code, "points": points}
    )


@transaction.atomic
def decline(*, proposal: GiftProposal, reason: str, actor: User | str, at: datetime) -> GiftProposal:
    """Say no, and why.   Raises: PostingReasonMissing; and what `accept` does.   Locks: GiftProposal."""
    if not reason.strip():
        raise PostingReasonMissing
    proposal = _deciding(proposal, actor=actor)
    proposal.reason = reason.strip()
    return _decide(proposal, GiftProposal.Status.DECLINED, actor=actor, at=at, data={"reason": proposal.reason})


def _deciding(proposal: GiftProposal, *, actor: User | str) -> GiftProposal:
    """The proposal, locked, if it is open and not the decider's own."""
    rows = GiftProposal.objects.select_for_update(no_key=True, of=("self",)).select_related("station")
    proposal = rows.get(pk=proposal.pk)
    access.require(actor, Duty.MANAGE, divisions=[proposal.station.district_code])
    if not proposal.is_open:
        raise ProposalDecided(found=proposal.status)
    if proposal.proposed_by == audit.actor_name(actor):
        raise OwnProposal
    return proposal


def _decide(
    proposal: GiftProposal, status: str, *, actor: User | str, at: datetime, data: dict[str, Any]
) -> GiftProposal:
    proposal.status, proposal.decided_by, proposal.decided_at = status, audit.actor_name(actor), at
    proposal.full_clean()
    proposal.save()
    _record(f"gift.proposal-{status}", proposal, actor=actor, at=at, data=data)
    return proposal


def _record(kind: str, proposal: GiftProposal, *, actor: User | str, at: datetime, data: dict[str, Any]) -> None:
    audit.record(kind, subject=("giftproposal", str(proposal.pk)), actor=actor, at=at, data=data)
