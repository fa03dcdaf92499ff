"""The contract of the API about points and gifts. The readers of bodies take their names from here."""

from django.utils.translation import gettext_lazy as _

from core.api.contract import (
    PAGE_END,
    Operation,
    Parameter,
    Schema,
    choice,
    day,
    instant,
    listing,
    members,
    named,
    or_null,
    text,
    whole,
)
from core.api.cursors import CursorInvalid
from core.api.errors import MemberMissing
from core.api.parameters import ParametersContradictory, UnknownCode
from core.errors import InvalidValue, NotFound
from couriers.api.contract import COURIER_CODE
from couriers.errors import (
    CardReplaced,
    CourierBlocked,
    CourierNotFound,
    PinLocked,
    PinMissing,
    PinWrong,
)
from points import ledger
from points.errors import (
    CapReached,
    CourierNotMet,
    EarnedAlready,
    FundEmpty,
    GiftNotFound,
    GiftNotOffered,
    GiftOfAnotherDistrict,
    LimitReached,
    NoRule,
    NotEnoughPoints,
    NotWaiting,
    OperationReused,
    OutOfStock,
    PassWrong,
    PostingNotFound,
    PriceChanged,
    RedemptionNotFound,
    ReversedAlready,
    SecondPersonMissing,
    StationNotOpen,
)
from points.models import EarningRule, Posting, Redemption
from stations.errors import StationNotFound

__all__ = [
    "ACCOUNT_DETAIL",
    "AWARD",
    "CANCELLATION",
    "CANCEL_REDEMPTION",
    "CREATE_AWARD",
    "CREATE_PASS",
    "CREATE_REDEMPTION",
    "CREATE_REVERSAL",
    "ENTRY_LIST",
    "GIFT_DETAIL",
    "GIFT_LIST",
    "HANDOVER",
    "HAND_OVER_REDEMPTION",
    "MAX_CODE",
    "MAX_MATTER",
    "MAX_PAGE",
    "MAX_REASON",
    "PAGE",
    "PASS",
    "REDEMPTION",
    "REDEMPTION_DETAIL",
    "REVERSAL",
    "STATION_OR_DISTRICT",
]

PAGE, MAX_PAGE = 50, 200
MAX_CODE = 40
# With the program's code in front, so that the numbers of two programs never coincide.
MAX_MATTER = 30
MAX_REASON = 200

_LIMIT = Parameter(
    name="limit",
    schema=whole(minimum=1, maximum=MAX_PAGE, default=PAGE),
    meaning=_("How many a page."),
    example=20,
)
_CURSOR = Parameter(
    name="cursor",
    schema=text(minLength=1, maxLength=300),
    meaning=_("Where the page before ended. Follow `next` as it is; a cursor belongs to its query."),
)

STATION_OR_DISTRICT = _("A station brings its district. Give one of the two.")

# ── Gifts ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_GIFT: dict[str, Schema] = {
    "code": text(_("It stays.")),
    "name": text(_("In the language of the answer.")),
    "district": members({"code": text(), "name": text()}, _("Whose stations hand it out.")),
    "points": whole(_("What it costs today. An order keeps the price it was made at."), minimum=1),
    "most_a_month": or_null(whole(_("How many one courier gets in a month; null: as many as he likes."), minimum=1)),
    "photo": or_null(text(_("The address of a picture (WebP)."), format="uri")),
    "pieces": whole(_("How many can be ordered now: at `station`, else in the whole district."), minimum=0),
}

GIFT_LIST = Operation(
    name="list_gifts",
    noun="gifts",
    title=_("What can be had for points"),
    meaning=_("The gifts that are offered and have a price today, by code."),
    parameters=(
        Parameter(
            name="district", schema=text(), meaning=_("Gifts of this district, by its six digits."), example="420106"
        ),
        Parameter(
            name="station",
            schema=text(),
            meaning=_("Gifts of this station's district, with the pieces that are there. Not with `district`."),
            example="WH-WC-0004",
        ),
        _LIMIT,
        _CURSOR,
    ),
    answer=members({"results": listing(named("Gift", members(_GIFT))), "next": PAGE_END}),
    problems=(InvalidValue, UnknownCode, StationNotFound, ParametersContradictory, CursorInvalid),
)

GIFT_DETAIL = Operation(
    name="get_gift",
    noun="gifts",
    title=_("One gift, and where it is in stock"),
    parameters=(
        Parameter(name="code", place="path", schema=text(), meaning=_("The gift's code."), example="wc-umbrella"),
    ),
    answer=named(
        "GiftWithStock",
        members(
            _GIFT
            | {
                "stations": listing(
                    members({"code": text(), "name": text(), "pieces": whole(minimum=1)}),
                    _("The published stations that have it, the fullest first, 200 at most."),
                )
            }
        ),
    ),
    problems=(GiftNotFound,),
)

# ── A courier's points ──────────────────────────────────────────────────────────────────────────────────────────────

ACCOUNT_DETAIL = Operation(
    name="get_account",
    noun="accounts",
    title=_("How many points a courier has"),
    parameters=(COURIER_CODE,),
    answer=named(
        "Account",
        members(
            {
                "courier": text(),
                "balance": whole(_("Points."), minimum=0),
                "expiring": listing(
                    members({"points": whole(minimum=1), "expires_on": day(_("The last day they are good for."))}),
                    _("What expires when if he spends none, the oldest first."),
                ),
                "at": instant(),
            }
        ),
    ),
    problems=(CourierNotFound, CardReplaced),
)

ENTRY_LIST = Operation(
    name="list_entries",
    noun="accounts",
    title=_("A courier's statement"),
    meaning=_("What moved his points, the newest first. Numbers have no gap, and each balance follows from the one before."),
    parameters=(COURIER_CODE, _LIMIT, _CURSOR),
    answer=members(
        {
            "results": listing(
                named(
                    "Entry",
                    members(
                        {
                            "number": whole(_("1 is his first."), minimum=1),
                            "amount": whole(_("Points that came (+) or went (−).")),
                            "balance": whole(_("After it."), minimum=0),
                            "kind": choice(Posting.Kind.values),
                            "posting": text(_("The name of the event, for ever."), format="uuid"),
                            "reverses": or_null(text(_("Of a reversal: the event it takes back."), format="uuid")),
                            "action": or_null(choice(EarningRule.Action.values, _("Of an award: what for."))),
                            "gift": or_null(text(_("The code of the gift it paid for."))),
                            "redemption": or_null(text(_("The redemption's code."))),
                            "reason": text(_("In words, where somebody had to say why.")),
                            "occurred_at": instant(),
                        }
                    ),
                )
            ),
            "next": PAGE_END,
        }
    ),
    problems=(CourierNotFound, CardReplaced, InvalidValue, CursorInvalid),
)  # fmt: skip

_COURIER = text(_("The courier's member code."), minLength=1, maxLength=MAX_CODE)
AWARD = members(
    {
        "courier": _COURIER,
        "district": text(_("The six digits of the district that accepted the deed; its fund pays."), minLength=6, maxLength=6),
        "action": or_null(choice(EarningRule.Action.values, _("What he did; the city's rule says how many points."))),
        "matter": or_null(
            text(
                _("With `action`: your own number of the deed. One matter earns once, for ever."),
                minLength=1,
                maxLength=MAX_MATTER,
            )
        ),
        "points": or_null(whole(_("Without `action`: how many, by hand."), minimum=1, maximum=ledger.MOST)),
        "reason": or_null(text(_("With `points`: why."), minLength=1, maxLength=MAX_REASON)),
    },
    required=("courier", "district"),
)  # fmt: skip
CREATE_AWARD = Operation(
    name="create_award",
    noun="awards",
    title=_("Give points"),
    meaning=_(
        "By the rule of an action, with your number of the deed; or by hand, so many points with a reason, within the limit that one gives alone and in a day."
    ),
    body=named("NewAward", AWARD),
    answer=named(
        "Award",
        members(
            {
                "posting": text(_("The name of the event; a reversal names it."), format="uuid"),
                "courier": text(),
                "district": text(),
                "action": or_null(choice(EarningRule.Action.values)),
                "matter": or_null(text()),
                "points": whole(minimum=1),
                "reason": text(),
                "balance": whole(_("The courier's points after it."), minimum=0),
                "awarded_at": instant(),
            }
        ),
    ),
    problems=(
        InvalidValue, MemberMissing, ParametersContradictory, NotFound, CourierNotFound, CardReplaced, CourierBlocked, NoRule, EarnedAlready, CapReached,
        SecondPersonMissing, FundEmpty, OperationReused,
    ),
)  # fmt: skip

REVERSAL = members(
    {
        "posting": text(_("The award, by the name that was answered."), format="uuid"),
        "reason": text(_("Why."), minLength=1, maxLength=MAX_REASON),
    }
)
CREATE_REVERSAL = Operation(
    name="create_reversal",
    noun="awards",
    title=_("Take an award of yours back"),
    meaning=_("Equal and opposite, once. What he has spent already cannot be taken back."),
    body=named("NewReversal", REVERSAL),
    answer=named(
        "Reversal",
        members(
            {
                "posting": text(format="uuid"),
                "reverses": text(format="uuid"),
                "courier": or_null(text(_("null: he shares nothing with you any more."))),
                "points": whole(_("Taken back."), minimum=1),
                "reason": text(),
                "balance": or_null(whole(_("The courier's points after it."), minimum=0)),
                "reversed_at": instant(),
            }
        ),
    ),
    problems=(InvalidValue, PostingNotFound, ReversedAlready, NotEnoughPoints, OperationReused),
)

# ── Gifts taken ─────────────────────────────────────────────────────────────────────────────────────────────────────

PASS = members(
    {"courier": _COURIER, "pin": text(_("The six digits that he chose himself."), minLength=1, maxLength=MAX_CODE)}
)
CREATE_PASS = Operation(
    name="create_pass",
    noun="redemptions",
    title=_("A pass, to be shown at the counter"),
    meaning=_(
        "Six digits, valid for five minutes and one use, that prove who he is. A new pass invalidates the previous one. After five wrong PINs no PIN is accepted for a while."
    ),
    body=named("NewPass", PASS),
    answer=named(
        "Pass",
        members({"courier": text(), "digits": text(pattern=r"^\d{6}$"), "expires_at": instant()}),
    ),
    problems=(InvalidValue, CourierNotFound, CardReplaced, CourierBlocked, PinMissing, PinWrong, PinLocked),
)

_REDEMPTION = named(
    "Redemption",
    members(
        {
            "code": text(_("On the receipt of both sides.")),
            "status": choice(
                Redemption.Status.values,
                _(
                    "ordered: points taken, a piece set aside. handed-over; cancelled and expired: both came back. returned: taken back after it was handed over, since the courier disputed it or it was a mistake; the points came back."
                ),
            ),
            "courier": text(),
            "gift": text(),
            "station": text(),
            "points": whole(_("The price of the moment it was ordered."), minimum=1),
            "ordered_at": instant(),
            "fetch_until": instant(_("Not fetched until then, it expires.")),
            "ended_at": or_null(instant(_("When it was handed over, cancelled, or expired."))),
        },
        _("One gift for one courier at one station."),
    ),
)
_PASS = text(_("The six digits that the courier shows."), minLength=1, maxLength=MAX_CODE)
REDEMPTION = members(
    {
        "courier": _COURIER,
        "gift": text(minLength=1, maxLength=MAX_CODE),
        "station": text(_("Where it is handed out."), minLength=1, maxLength=MAX_CODE),
        "points": whole(_("The price that he was shown; another one is refused."), minimum=1, maximum=ledger.MOST),
        "pass": or_null(_PASS | {"description": _("With the courier's pass it is handed over at once, else ordered.")}),
    },
    required=("courier", "gift", "station", "points"),
)
_PRESENCE = (CourierNotMet, PassWrong)
CREATE_REDEMPTION = Operation(
    name="create_redemption",
    noun="redemptions",
    title=_("Take a gift: ordered, or handed over at once"),
    meaning=_("Points and piece move together, or neither. Without a pass he fetches it within seven days."),
    body=named("NewRedemption", REDEMPTION),
    answer=_REDEMPTION,
    problems=(
        InvalidValue, CourierNotFound, CardReplaced, StationNotFound, GiftNotFound, CourierBlocked, StationNotOpen,
        GiftOfAnotherDistrict, GiftNotOffered, PriceChanged, LimitReached, NotEnoughPoints, OutOfStock, OperationReused,
        *_PRESENCE,
    ),
)  # fmt: skip

_REDEMPTION_CODE = Parameter(
    name="code", place="path", schema=text(), meaning=_("The redemption's code."), example="7K3M9QXT2DB"
)
REDEMPTION_DETAIL = Operation(
    name="get_redemption",
    noun="redemptions",
    title=_("One redemption"),
    parameters=(_REDEMPTION_CODE,),
    answer=_REDEMPTION,
    problems=(RedemptionNotFound,),
)

HANDOVER = members({"pass": _PASS})
HAND_OVER_REDEMPTION = Operation(
    name="hand_over_redemption",
    noun="redemptions",
    title=_("Hand over what was ordered"),
    meaning=_("Only to who shows the courier's pass."),
    parameters=(_REDEMPTION_CODE,),
    body=named("NewHandover", HANDOVER),
    answer=_REDEMPTION,
    problems=(InvalidValue, RedemptionNotFound, NotWaiting, CourierBlocked, OperationReused, *_PRESENCE),
)

CANCELLATION = members({"reason": text(_("Why."), minLength=1, maxLength=MAX_REASON)})
CANCEL_REDEMPTION = Operation(
    name="cancel_redemption",
    noun="redemptions",
    title=_("Cancel an order"),
    meaning=_("Points and piece come back."),
    parameters=(_REDEMPTION_CODE,),
    body=named("NewCancellation", CANCELLATION),
    answer=_REDEMPTION,
    problems=(InvalidValue, RedemptionNotFound, NotWaiting, OperationReused),
)
