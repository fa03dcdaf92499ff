"""补录: gifts that were handed over while the power or the network was down, written on a paper form, and entered afterwards.

A form has a number of its own, which the program makes when it prints the form and stores nowhere: it names the station and
the day of printing, and ends with a check symbol. A line of a form can be entered only once, ever; the database guarantees
that.
"""

import secrets
import unicodedata
import uuid
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Min, Q
from django.utils.translation import gettext as _

from core import audit, clock
from core.errors import InvalidValue
from core.models import User
from couriers.codes import ALPHABET, check_symbol
from couriers.models import Courier
from points import expiring, redemption
from points.errors import FormUnknown, LateUnwitnessed, LineEntered
from points.models import Gift, Redemption
from stations import access
from stations.models import Station

__all__ = ["LINES", "WITHIN", "entered", "new_form_no", "read_form_no", "record", "station_of"]

# On one sheet.
LINES = 14
# Within a week everybody who was on duty is back, even on the longest roster; what is older is settled, and nobody
# remembers it.
WITHIN = timedelta(days=7)
_RANDOM = 5
_LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})


# ── The form's number ───────────────────────────────────────────────────────────────────────────────────────────────


def new_form_no(station: Station, *, at: datetime) -> str:
    """A number that no other form has, such as WH-WC-0001-261126-7KQ4MX: 25 bits a day and station."""
    tail = "".join(secrets.choice(ALPHABET) for _each in range(_RANDOM))
    return _checked(f"{station.code}-{clock.local_date(at):%y%m%d}-{tail}")


def _checked(body: str) -> str:
    return body + check_symbol("".join(symbol for symbol in body.upper() if symbol in ALPHABET))


def read_form_no(text: str) -> str | None:
    """The number of a form as a person typed it: small letters, full width, spaces and look-alikes do not matter."""
    folded = "".join(unicodedata.normalize("NFKC", text).upper().split())
    code, _dash, rest = folded.rpartition("-")
    code, _dash, day = code.rpartition("-")
    rest = rest.translate(_LOOK_ALIKES)
    whole = f"{code}-{day}-{rest}"
    if not code or len(rest) != _RANDOM + 1 or any(symbol not in ALPHABET for symbol in rest):
        return None
    return whole if _day_of(whole) and _checked(whole[:-1]) == whole else None


def _day_of(form_no: str) -> date | None:
    """When the form was printed."""
    try:
        return datetime.strptime(form_no.rsplit("-", 2)[1], "%y%m%d").date()  # noqa: DTZ007 - a day of Wuhan's
    except ValueError:
        return None


def station_of(form_no: str) -> Station:
    """The station for which a form was printed.   Raises: FormUnknown."""
    whole = read_form_no(form_no)
    station = Station.objects.select_related("division").filter(code=whole.rsplit("-", 2)[0]).first() if whole else None
    if station is None:
        raise FormUnknown
    return station


# ── What was written on it ──────────────────────────────────────────────────────────────────────────────────────────


def entered(form_no: str) -> list[Redemption]:
    """What has been entered of a form, line by line."""
    rows = Redemption.objects.filter(form_no=form_no).order_by("form_line")
    return list(rows.select_related("courier", "gift", "ordered"))


@transaction.atomic
def record(
    *, courier: Courier, gift: Gift, station: Station, points: int, happened_at: datetime, form_no: str, form_line: int,
    witness: User | None, op_id: uuid.UUID, actor: User | str, at: datetime, reason: str = "",
) -> Redemption:  # fmt: skip
    """Enter what was handed over while the network was down, at the price and within the limit of that day.

    It is booked when it is entered: if the points have been spent since, or the piece is not there now, it is refused, and
    the office first makes good what is missing. If points that he spent then have expired since, they come back for it.
    `at` is now, `happened_at` what the paper says.
    Raises: FormUnknown; InvalidValue (happened_at, form_line); LineEntered with its receipt; LateUnwitnessed; what
    `redemption.redeem` does but for a pass.   Locks: Courier, then the accounts.
    """
    access.require(actor, *redemption.AT_COUNTER, stations=[station])
    if witness is None or audit.actor_name(witness) == audit.actor_name(actor):
        raise LateUnwitnessed
    access.require(witness, *redemption.AT_COUNTER, stations=[station])
    whole = read_form_no(form_no)
    if whole is None or whole.rsplit("-", 2)[0] != station.code:
        raise FormUnknown
    if isinstance(form_line, bool) or not 1 <= form_line <= LINES:
        raise InvalidValue("form_line", _("A form has the lines 1 to {lines}.").format(lines=LINES), value=form_line)
    if (before := _entered_line(whole, form_line)) is not None and before.ordered.op_id != op_id:
        raise _taken(before)
    _require_moment(happened_at, whole, courier, station, at=at)
    if before is None:
        expiring.give_back_spent(courier=courier, points=points, moment=happened_at, actor=actor, at=at)
    try:
        with transaction.atomic():
            return redemption.redeem_on_paper(
                courier=courier, gift=gift, station=station, points=points, form_no=whole, form_line=form_line,
                witness=witness, reason=reason.strip(), op_id=op_id, actor=actor, happened_at=happened_at, at=at,
            )  # fmt: skip
    except IntegrityError:
        # Somebody else entered the line meanwhile.
        if (before := _entered_line(whole, form_line)) is None:
            raise
        raise _taken(before) from None


def _entered_line(form_no: str, form_line: int) -> Redemption | None:
    return Redemption.objects.select_related("ordered").filter(form_no=form_no, form_line=form_line).first()


def _taken(before: Redemption) -> LineEntered:
    posting = before.ordered
    moment = clock.to_local(posting.recorded_at)
    said = _("Entered by {by} on {when}, receipt number {code}. Go on with the next line.")
    return LineEntered(
        said.format(by=posting.actor_name, when=f"{moment:%Y-%m-%d %H:%M}", code=before.receipt_no),
        redemption=before.code, by=posting.actor_name, at=posting.recorded_at.isoformat(),
    )  # fmt: skip


def _require_moment(happened_at: datetime, form_no: str, courier: Courier, station: Station, *, at: datetime) -> None:
    """Raises: InvalidValue if it cannot have happened then."""

    def refused(why: str) -> InvalidValue:
        return InvalidValue("happened_at", why, value=happened_at)

    if happened_at > at:
        raise refused(_("That is still to come. Give the time that stands on the form."))
    if happened_at < at - WITHIN:
        raise refused(
            _(
                "That is more than {days} days ago, and is not entered here any more. Tell your district's office."
            ).format(days=WITHIN.days)
        )
    if (printed := _day_of(form_no)) is not None and clock.local_date(happened_at) < printed:
        raise refused(_("The form was printed on {day}, so it was later.").format(day=printed))
    began = clock.local_midnight(station.opened_on) if station.opened_on else station.created_at
    if happened_at < began:
        raise refused(_("The station was not registered then."))
    profiles = Courier.objects.filter(Q(pk=courier.pk) | Q(merged_into=courier.pk))
    if happened_at < (profiles.aggregate(first=Min("registered_at"))["first"] or courier.registered_at):
        raise refused(_("The courier was not registered then."))
