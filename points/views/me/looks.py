"""How these pages show a state (an icon, a word and a colour), where a gift can be had, and a refusal (in words for the
courier himself)."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from core import clock
from core.errors import DomainError
from couriers.errors import CourierBlocked
from couriers.models import Courier
from points.catalogue import Cabinet
from points.errors import (
    GiftNotOffered,
    GiftOfAnotherDistrict,
    LimitReached,
    NotEnoughPoints,
    OutOfStock,
    PriceChanged,
    QueueFull,
    StationNotOpen,
)
from points.models import Account, Dispute, Redemption
from points.redemption import FETCH_WITHIN
from points.views.attendance import attendance_text
from stations.models import Station
from stations.views.wording import STATE_ICONS, date_text, day_name, distance_text, moment_text, state_text, until_text

__all__ = ["Fetched", "Held", "balance_of", "day_text", "fetched", "held", "refusal", "time_text"]

# Icon and colour; a status added later is shown by its word alone.
_STATES: dict[str, tuple[str, str]] = {
    Redemption.Status.ORDERED: ("clock", "closing-soon"),
    Redemption.Status.HANDED_OVER: ("open", "open"),
    Redemption.Status.CANCELLED: ("close", "closed"),
    Redemption.Status.EXPIRED: ("close", "closed"),
}
_RULINGS: dict[str, tuple[str, str]] = {
    Dispute.Ruling.OPEN: ("clock", "closing-soon"),
    Dispute.Ruling.UPHELD: ("open", "open"),
    Dispute.Ruling.DISMISSED: ("info", "closed"),
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A redemption as its courier sees it. It `is_shut` where he would come in vain: its station was suspended or closed meanwhile."""

    redemption: Redemption
    icon: str
    colour: str
    receipt_no: str
    at: str
    until: str
    dispute: Dispute | None
    dispute_icon: str
    dispute_colour: str
    is_waiting: bool
    is_shut: bool
    is_handed_over: bool
    is_late: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A cabinet, how many pieces of a gift it has, the state of its station, and when somebody is there if that does not say it."""

    code: str
    name: str
    pieces: int
    distance: str
    state: str
    icon: str
    word: str
    until: str
    attendance: str


def held(cabinet: Cabinet, *, now: datetime) -> Held:
    card, state = cabinet.station, cabinet.station.open_state.state
    return Held(
        code=card.code,
        name=card.name,
        pieces=cabinet.pieces,
        distance="" if card.distance_m is None else distance_text(card.distance_m),
        state=state.value,
        icon=STATE_ICONS[state],
        word=state_text(state),
        until=until_text(card.open_state, now),
        attendance=attendance_text(
            card.open_state, cabinet.attended, now=now, kept_until=now + FETCH_WITHIN, tomorrow=cabinet.tomorrow
        ),
    )


def balance_of(courier: Courier) -> int:
    return (
        Account.objects.filter(kind=Account.Kind.WALLET, courier=courier).values_list("balance", flat=True).first() or 0
    )


def day_text(moment: datetime) -> str:
    """11月26日 or 26 Nov, with the year if it is not this one."""
    return date_text(clock.local_date(moment), today=clock.local_date(clock.now()))


def time_text(moment: datetime) -> str:
    return f"{day_text(moment)} {clock.to_local(moment):%H:%M}"


def fetched(redemption: Redemption, *, now: datetime) -> Fetched:
    """No query, if `dispute` was selected."""
    icon, colour = _STATES.get(redemption.status, ("info", "closed"))
    dispute: Dispute | None = getattr(redemption, "dispute", None)
    is_waiting = redemption.status == Redemption.Status.ORDERED
    dispute_icon, dispute_colour = _RULINGS.get(dispute.ruling, ("info", "closed")) if dispute else ("", "")
    return Fetched(
        redemption=redemption,
        icon=icon,
        colour=colour,
        receipt_no=redemption.receipt_no,
        at=time_text(redemption.ended_at or redemption.ordered_at),
        until=_until(redemption.fetch_until, now),
        dispute=dispute,
        dispute_icon=dispute_icon,
        dispute_colour=dispute_colour,
        is_waiting=is_waiting,
        is_shut=is_waiting and redemption.station.status != Station.Status.PUBLISHED,
        is_handed_over=redemption.status == Redemption.Status.HANDED_OVER,
        is_late=redemption.is_late,
    )


def _until(moment: datetime, now: datetime) -> str:
    local = clock.to_local(moment)
    if (local.date() - clock.local_date(now)).days < 2:
        return moment_text(moment, now)
    return _("{weekday} {day} {time}").format(
        weekday=day_name(local.date()), day=day_text(moment), time=f"{local:%H:%M}"
    )


def refusal(error: DomainError) -> tuple[str, str]:
    """What is wrong and the way out, worded for the courier: the refusals of the verbs are worded for a counter."""
    data = error.data
    match error:
        case NotEnoughPoints():
            said = _("You have {balance} points, and {needed} are needed.").format(
                balance=data["balance"], needed=data["needed"]
            )
            return _("Your points do not suffice yet."), said
        case OutOfStock():
            return _("The last one here has just gone."), _(
                "Choose another station below. We have noted that it is wanted."
            )
        case PriceChanged():
            return (
                _("The price has changed: it costs {price} points now.").format(price=data["price"]),
                _("Nothing was taken yet. Look at the new price, and tap once more if you still want it."),
            )
        case LimitReached():
            return (
                _("You have had this as often as one gets it: {limit} a month.").format(limit=data["limit"]),
                _("Choose another gift, or come next month. Your points stay."),
            )
        case StationNotOpen():
            return _("This station hands out no gifts now."), _("Choose another station below.")
        case GiftNotOffered() | GiftOfAnotherDistrict():
            return _("This gift cannot be had here now."), _("Choose another gift.")
        case QueueFull():
            return str(error.title), _(
                "Your order stays. Wait until some have been served, then scan the code once more."
            )
        case CourierBlocked():
            return (
                _("Your profile is blocked, so nothing can be ordered."),
                _("The office of your district knows why. Your points stay."),
            )
    return str(error.title), str(error.detail)
