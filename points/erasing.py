"""What the books do when a courier is erased at his request, and what they tell him about himself."""

import uuid
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import audit, clock
from core.models import User
from couriers.errors import CourierNotSettled
from couriers.models import Courier
from points import disputes, ledger, redemption
from points.models import Account, Award, Dispute, Entry, Pass, Posting, Redemption

__all__ = ["lost", "settle", "told"]


@transaction.atomic
def settle(*, courier: Courier, actor: User | str, at: datetime) -> None:
    """Cancel the orders that wait for him, so that the pieces return to their cabinets, write off his points, and delete
    what he said in disputes.

    The entries stay: they name his code, and his code no longer leads to anybody.
    Raises: CourierNotSettled while one of his disputes is undecided.
    Locks: Courier, then the accounts.
    """
    profiles = Courier.objects.one_with(courier)
    waiting = Dispute.objects.filter(redemption__courier__in=profiles, ruling=Dispute.Ruling.OPEN)
    if held := list(waiting.select_related("redemption__ended")):
        # Whom he accuses is not told so here either.
        is_accused = any(audit.actor_name(actor) in disputes.involved(each.redemption) for each in held)
        why = _("A gift is disputed, and the office of its district has not answered yet. Then it can be done.")
        raise CourierNotSettled("" if is_accused else why, held="dispute")
    # Only what he said himself; what the office found stays.
    Dispute.objects.filter(redemption__courier__in=profiles).update(words="")
    by = audit.actor_name(actor)
    for order in Redemption.objects.filter(courier=courier, status=Redemption.Status.ORDERED).order_by("pk"):
        # In the courier's name, not the clerk's, who may have no duty at that counter.
        redemption.cancel(
            redemption=order, reason=audit.in_office_words(gettext_lazy("the courier was erased")), actor=by, at=at,
            op_id=uuid.uuid5(uuid.NAMESPACE_URL, f"erasure:{order.code}"),
        )  # fmt: skip
    Pass.objects.filter(courier=courier).delete()
    wallet = Account.objects.select_for_update(no_key=True, of=("self",)).filter(kind="wallet", courier=courier).first()
    if wallet is None or not wallet.balance:
        return
    ledger.post(
        kind=Posting.Kind.EXPIRY,
        moves=[(wallet.pk, -wallet.balance), (ledger.expired(), wallet.balance)],
        op_id=uuid.uuid5(uuid.NAMESPACE_URL, f"erasure:{wallet.pk}"),
        actor=actor,
        at=at,
        reason=audit.in_office_words(gettext_lazy("the courier was erased")),
    )
    data = {"points": wallet.balance}
    audit.record("points.written-off", subject=("courier", courier.code), actor=actor, at=at, data=data)


def lost(courier: Courier) -> list[str]:
    """What `settle` would write off and cancel now, in sentences."""
    wallet = Account.objects.filter(kind=Account.Kind.WALLET, courier=courier).first()
    said = [_("Points left: {points}.").format(points=wallet.balance)] if wallet and wallet.balance else []
    waiting = Redemption.objects.filter(courier=courier, status=Redemption.Status.ORDERED).order_by("pk")
    return said + [
        _("Ordered and not fetched: {gift} for {points} points, {station}.").format(
            gift=each.gift.label, points=each.points, station=each.station.name
        )
        for each in waiting.select_related("gift", "station")
    ]


def told(courier: Courier) -> dict[str, Any]:
    """What the books hold about a courier, for the copy that he may ask for; of all merged profiles, oldest first."""
    profiles = Courier.objects.one_with(courier)
    wallets = Account.objects.filter(kind=Account.Kind.WALLET, courier__in=profiles)
    balances = dict(wallets.order_by("pk").values_list("courier__code", "balance"))
    return {
        "balance": sum(balances.values()),
        "entries": [
            {
                "posting": entry.posting_id,
                "kind": entry.posting.kind,
                "at": _said(entry.posting.occurred_at),
                "points": entry.amount,
                "balance_after": entry.balance_after,
                "reason": entry.posting.reason,
            }
            for entry in Entry.objects.filter(account__in=wallets).select_related("posting").order_by("pk")
        ],
        "awards": [
            {**row, "day": row["day"].isoformat()}
            for row in Award.objects.filter(courier__in=profiles)
            .order_by("posting_id")
            .values("posting", "points", "action", "matter", "day", paid_by=F("district__name"))
        ],
        "redemptions": [
            {
                "code": each.code,
                "gift": each.gift.name,
                "station": each.station.code,
                "station_name": each.station.name,
                "points": each.points,
                "status": each.status,
                "ordered_at": _said(each.ordered_at),
                "ended_at": _said(each.ended_at) if each.ended_at else None,
            }
            for each in Redemption.objects.filter(courier__in=profiles).select_related("gift", "station").order_by("pk")
        ],
        "disputes": [
            {
                "redemption": each.redemption.code,
                "words": each.words,
                "opened_at": _said(each.opened_at),
                "ruling": each.ruling,
                "answer": each.answer,
                "decided_at": _said(each.decided_at) if each.decided_at else None,
            }
            for each in Dispute.objects.filter(redemption__courier__in=profiles)
            .select_related("redemption")
            .order_by("pk")
        ],
    }


def _said(at: datetime) -> str:
    return clock.to_local(at).isoformat(timespec="seconds")
