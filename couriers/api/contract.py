"""The contract of the API about couriers. The readers of bodies take their names from here."""

from django.utils.translation import gettext_lazy as _

from core.api.contract import (
    PAGE_END,
    Operation,
    Parameter,
    choice,
    instant,
    listing,
    members,
    named,
    or_null,
    text,
    truth,
)
from core.api.parameters import UnknownCode
from core.errors import InvalidValue, NotFound
from core.limits import TooMany
from couriers.errors import CardReplaced, CourierNotFound, NoticeOutdated, PhoneTaken
from couriers.models import Consent, Courier
from couriers.registration import NAME_LENGTH

__all__ = [
    "COURIER_CODE",
    "COURIER_DETAIL",
    "CREATE_COURIER",
    "LOOK_UP",
    "LOOK_UP_COURIER",
    "NEW_COURIER",
    "NOTICE_LIST",
]

MAX_PHONE = 30
MAX_BRAND = 40
MAX_CODE = 20

COURIER_CODE = Parameter(
    name="code",
    place="path",
    schema=text(),
    meaning=_("The member code, as his card says it."),
    example="7K3M9QXT2DB",
)

_COURIER = named(
    "Courier",
    members(
        {
            "code": text(_("The member code. A new card (补卡) has a new one.")),
            "status": choice(
                [each for each in Courier.Status.values if each != Courier.Status.ERASED],
                _(
                    "unverified 待核实: earns and orders at once, and gets his first gift when a steward has met him. blocked: neither."
                ),
            ),
            "kind": choice(Courier.Kind.values),
            "company": or_null(text(_("The brand he rides for."))),
            "district": members({"code": text(), "name": text()}, _("Where he was registered.")),
            "name": text(_("Masked, such as 张*; empty where he gave none, and once he is erased.")),
            "phone": text(
                _(
                    "Masked, such as 138****1234; empty where his number is another courier's by now, and once he is erased."
                )
            ),
            "registered_at": instant(),
        },
        _("Somebody who earns points and takes gifts for them."),
    ),
)

NEW_COURIER = members(
    {
        "phone": text(_("A mobile number of the mainland. It is kept sealed."), minLength=1, maxLength=MAX_PHONE),
        "kind": choice(Courier.Kind.values, _("express 快递, food-delivery 外卖.")),
        "district": text(_("The six digits of the district he is registered in."), minLength=6, maxLength=6),
        "notice_version": text(
            _("The version of the membership notice that he read and agreed to, as `/notices/` says it."),
            minLength=1,
            maxLength=20,
        ),
        "shares": truth(
            _(
                "Whether he agreed, after the sharing notice, that your program sees his points. Without it you get his code once and can ask nothing about him."
            )
        ),
        "name": or_null(text(_("Kept sealed."), minLength=1, maxLength=NAME_LENGTH)),
        "company": or_null(text(_("The brand, as the office's list has it."), minLength=1, maxLength=MAX_BRAND)),
        "pin": or_null(
            text(_("Six digits that he chose himself, with which he asks for passes."), minLength=6, maxLength=6)
        ),
    },
    required=("phone", "kind", "district", "notice_version", "shares"),
)

CREATE_COURIER = Operation(
    name="create_courier",
    noun="couriers",
    title=_("Register a courier"),
    meaning=_(
        "He is 待核实 until a steward has met him. A sandbox's couriers are made up, so they count as met. A phone is registered once in the whole city."
    ),
    body=named("NewCourier", NEW_COURIER),
    answer=_COURIER,
    problems=(InvalidValue, NotFound, UnknownCode, NoticeOutdated, PhoneTaken, TooMany),
)

COURIER_DETAIL = Operation(
    name="get_courier",
    noun="couriers",
    title=_("One courier"),
    meaning=_("A courier outside your divisions, or one who did not agree to share with you, is a 404, like one who does not exist."),
    parameters=(COURIER_CODE,),
    answer=_COURIER,
    problems=(CourierNotFound, CardReplaced),
)  # fmt: skip

LOOK_UP = members(
    {"phone": text(_("The whole number. There is no other way to look for a person."), minLength=1, maxLength=MAX_PHONE)}
)  # fmt: skip
LOOK_UP_COURIER = Operation(
    name="look_up_courier",
    noun="couriers",
    title=_("The courier with exactly this phone"),
    meaning=_(
        "A phone number never appears in a URL, so this is a POST. Hit or miss, each look-up is counted (200 a day) and recorded."
    ),
    body=named("CourierLookUp", LOOK_UP),
    answer=_COURIER,
    problems=(InvalidValue, CourierNotFound, TooMany),
)

NOTICE_LIST = Operation(
    name="list_notices",
    noun="couriers",
    title=_("What a courier agrees to"),
    meaning=_("Show him the text, in Chinese, before you register him, and send its version."),
    answer=members(
        {
            "results": listing(
                named(
                    "Notice",
                    members(
                        {
                            "purpose": choice(Consent.Purpose.values),
                            "version": text(),
                            "text": text(),
                            "sha256": text(_("Of the text in UTF-8; it is kept with his consent.")),
                        }
                    ),
                )
            ),
            "next": PAGE_END,
        }
    ),
)
