"""The papers of a station or a district, to print and to take along: registers, stock, count sheets; and the plan."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import XLSX, attachment, described_name
from core.admin_site import FengchaoAdminSite, MenuLine
from couriers import privacy
from points import papers, planning, stock
from points.admin.scoped import READERS, districts_seen, holds_a_district
from points.models import Gift, Redemption
from points.papers import Held, Span
from points.redemption import AT_COUNTER
from stations import access
from stations.columns import SheetRows, Value, xlsx_chunks
from stations.models import Division, Station

__all__ = ["count_sheet", "papers_page", "plan_page", "register", "stock_sheet"]

MOST_STATIONS = 60
# Nobody prints more lines; the workbook has all of them.
MOST_LINES = 3_000
MONTHS = 13

Place = Station | Division


def _may(request: HttpRequest) -> bool:
    return bool(access.scope_of(request.user))


def _place(request: HttpRequest) -> Place:
    """The station or the district that is asked for, if it is in the reader's scope."""
    if not _may(request):
        raise PermissionDenied
    code = request.GET.get("place", "").strip()
    found = districts_seen(request).filter(code=code).first() or _stations(request).filter(code=code.upper()).first()
    if found is None:
        raise Http404
    return found


def _stations(request: HttpRequest) -> Any:
    return access.scope_of(request.user).stations().select_related("division")


def _span(request: HttpRequest) -> Span:
    """The day or the month that is asked for; today, if it is neither."""
    today = clock.local_date(clock.now())
    return Span.read(request.GET.get("on", ""), today=today) or Span.of_day(today)


def _name(place: Place) -> str:
    return place.name if isinstance(place, Station) else place.label


def _frame(request: HttpRequest, place: Place, title: str) -> dict[str, Any]:
    """What all papers have in common."""
    now = clock.now()
    back = f"{reverse('admin:points_papers')}?{urlencode({'place': place.code})}"
    return {
        **admin.site.each_context(request),
        "title": title,
        "place": place,
        "place_name": _name(place),
        "is_station": isinstance(place, Station),
        "made_at": clock.to_local(now),
        "back": back,
    }


# ── Which paper ─────────────────────────────────────────────────────────────────────────────────────────────────────


def papers_page(request: HttpRequest) -> TemplateResponse:
    """First the place, then the paper and its day or month."""
    if not _may(request):
        raise PermissionDenied
    context: dict[str, Any] = {**admin.site.each_context(request), "title": gettext("Papers"), "subtitle": None}
    query = request.GET.get("q", "").strip()
    if request.GET.get("place"):
        place, today = _place(request), clock.local_date(clock.now())
        keeps_books = holds_a_district(request, *READERS)
        context |= {
            "title": gettext("Papers: {place}").format(place=_name(place)),
            "place": place,
            "is_station": isinstance(place, Station),
            "today": f"{today:%Y-%m-%d}",
            "months": [f"{clock.first_of_month(today, months=-back):%Y-%m}" for back in range(MONTHS)],
            "settles": keeps_books,
            "hands_over": isinstance(place, Station) and access.scope_of(request.user, *AT_COUNTER).covers(place),
        }
        return TemplateResponse(request, "admin/points/papers/place.html", context)
    stations = _stations(request)
    stations = stations.matching(query) if query else stations
    found = list(stock.cabinets_first(stations)[: MOST_STATIONS + 1])
    context |= {
        "query": query,
        "districts": [] if query else districts_seen(request),
        "stations": found[:MOST_STATIONS],
        "there_are_more": len(found) > MOST_STATIONS,
        "settles": holds_a_district(request, *READERS),
    }
    return TemplateResponse(request, "admin/points/papers/places.html", context)


# ── 领取登记表 ──────────────────────────────────────────────────────────────────────────────────────────────────────


def register(request: HttpRequest) -> HttpResponseBase:
    """What was handed over in a day or a month, to be signed; names and phones masked as everywhere."""
    place, span = _place(request), _span(request)
    title = (gettext("Register of gifts handed over, {month}") if span.is_month else gettext("Register of gifts handed over, {day}")).format(
        month=span.text, day=span.text
    )  # fmt: skip
    lines, sums = papers.handed_over(place=place, span=span), papers.register(place=place, span=span)
    if request.GET.get("format") == "xlsx":
        sheets = [
            SheetRows(
                gettext("register"), _register_rows(lines), widths=[6, 14, 17, 10, 8, 18, 24, 8, 14, 14, 14, 16, 14]
            ),
            SheetRows(gettext("sums"), _sums_rows(sums), widths=[30, 12, 12]),
        ]
        return attachment(xlsx_chunks(sheets), name=f"register-{place.code}-{span.text}.xlsx", content_type=XLSX)
    context = _frame(request, place, title) | {
        "span": span,
        "sums": sums,
        "lines": [_line(number, each) for number, each in enumerate(lines[:MOST_LINES], 1)],
        "is_cut": sums.pieces > MOST_LINES,
        "most_lines": MOST_LINES,
        "workbook": "?" + urlencode({"place": place.code, "on": span.text, "format": "xlsx"}),
    }
    return TemplateResponse(request, "admin/points/papers/register.html", context)


def _line(number: int, found: Redemption) -> dict[str, Any]:
    """One hand-over as the paper shows it."""
    posting: Any = found.ended
    is_late = found.is_late
    if is_late:
        proof = gettext("offline form")
    elif posting.approver_name:
        proof = gettext("second person")
    else:
        proof = gettext("pass") if found.ended_id == found.ordered_id else gettext("pass or queue")
    notes = [gettext("entered late")] if is_late else []
    if getattr(found, "is_taken_back", False):
        notes.append(gettext("taken back"))
    return {
        "number": number,
        "code": found.receipt_no,
        "at": posting.occurred_at,
        "person": privacy.masked(found.courier).name or "—",
        "card": found.courier.code[-4:],
        "gift": found.gift.label,
        "station": found.station.name,
        "points": found.points,
        "proof": proof,
        "by": described_name(posting.actor_name),
        "second": posting.approver_name,
        "notes": notes,
    }


def _register_rows(lines: QuerySet[Redemption]) -> Iterator[Sequence[Value]]:
    yield [
        gettext("No."), gettext("receipt number"), gettext("time"), gettext("courier"), gettext("card"), gettext("gift"),
        gettext("station"), gettext("points"), gettext("proof"), gettext("handed over by"), gettext("second person"),
        gettext("signature"), gettext("note"),
    ]  # fmt: skip
    for number, each in enumerate(lines.iterator(chunk_size=500), 1):
        said = _line(number, each)
        yield [
            number, said["code"], said["at"], said["person"], said["card"], said["gift"], said["station"], said["points"],
            said["proof"], said["by"], said["second"], "", gettext(", ").join(said["notes"]),
        ]  # fmt: skip


def _sums_rows(sums: papers.Register) -> Iterator[Sequence[Value]]:
    yield [gettext("gift"), gettext("pieces"), gettext("points")]
    yield from sums.gifts
    yield [gettext("together"), sums.pieces, sums.points]
    yield [gettext("of them entered late"), sums.late, None]
    said = sums.agreement
    yield [gettext("paid before, for what was ordered"), None, -said.paid_before]
    yield [gettext("paid for what still waits or came to nothing"), None, said.set_aside]
    yield [gettext("given back"), None, -said.given_back]
    yield [gettext("taken in by the books"), None, said.in_the_books]


# ── Stock ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def stock_sheet(request: HttpRequest) -> HttpResponseBase:
    """What came and went in the cabinets in a day or a month, and what was there at its end."""
    place, span = _place(request), _span(request)
    rows = papers.stock_of(place=place, span=span)
    of_gift: dict[Gift, list[Held]] = {}
    for gift, _station, held in rows:
        of_gift.setdefault(gift, []).append(held)
    sums = [(gift.label, papers.summed(each)) for gift, each in of_gift.items()]
    if request.GET.get("format") == "xlsx":
        widths = [24, 28, *[11] * 9]
        sheets = [
            SheetRows(gettext("by cabinet"), _stock_rows([(g.label, s.name, h) for g, s, h in rows]), widths=widths)
        ]
        if not isinstance(place, Station):
            sheets.append(
                SheetRows(gettext("by gift"), _stock_rows([(n, _name(place), h) for n, h in sums]), widths=widths)
            )
        return attachment(xlsx_chunks(sheets), name=f"stock-{place.code}-{span.text}.xlsx", content_type=XLSX)
    title = (gettext("Stock of gifts, {month}") if span.is_month else gettext("Stock of gifts, {day}")).format(
        month=span.text, day=span.text
    )
    context = _frame(request, place, title) | {
        "span": span,
        "rows": rows,
        "sums": sums,
        "runs": span.ends > clock.now(),
        "workbook": "?" + urlencode({"place": place.code, "on": span.text, "format": "xlsx"}),
    }
    return TemplateResponse(request, "admin/points/papers/stock.html", context)


def _stock_rows(rows: Sequence[tuple[str, str, Held]]) -> Iterator[Sequence[Value]]:
    yield [
        gettext("gift"), gettext("place"), gettext("at the beginning"), gettext("received"), gettext("moved in or out"),
        gettext("handed out"), gettext("scrapped"), gettext("difference at a count"), gettext("at the end"),
        gettext("of them set aside"), gettext("on hand"),
    ]  # fmt: skip
    for gift, place, held in rows:
        yield [
            gift, place, held.opening, held.received, held.moved, held.handed_out, held.scrapped, held.difference,
            held.closing, held.set_aside, held.free,
        ]  # fmt: skip


def count_sheet(request: HttpRequest) -> HttpResponseBase:
    """盘点表: to be filled in at the cabinet. It says what to put aside for orders, but not what else the books expect."""
    place = _place(request)
    if not isinstance(place, Station):
        raise Http404
    aside = stock.set_aside(place)
    gifts = [(gift, aside.get(gift.pk, 0)) for gift in papers.count_list(station=place)]
    if request.GET.get("format") == "xlsx":
        rows: list[Sequence[Value]] = [
            [
                gettext("No."),
                gettext("gift"),
                gettext("code"),
                gettext("set aside for orders"),
                gettext("pieces found"),
                gettext("note"),
            ],
            *([number, gift.label, gift.code, waiting, None, None] for number, (gift, waiting) in enumerate(gifts, 1)),
            [],
            *([said] for said in (gettext("counted by:"), gettext("watched by:"), gettext("day and time:"))),
        ]
        sheet = SheetRows(gettext("count"), rows, widths=[14, 30, 20, 14, 14, 30])
        return attachment(xlsx_chunks([sheet]), name=f"count-{place.code}.xlsx", content_type=XLSX)
    context = _frame(request, place, gettext("Count sheet for the gift cabinet")) | {
        "gifts": gifts,
        "workbook": "?" + urlencode({"place": place.code, "format": "xlsx"}),
    }
    return TemplateResponse(request, "admin/points/papers/count.html", context)


# ── The plan ────────────────────────────────────────────────────────────────────────────────────────────────────────


def plan_page(request: HttpRequest) -> TemplateResponse:
    """What runs out where in one district, and what helps."""
    if not holds_a_district(request):
        raise PermissionDenied
    districts = list(districts_seen(request))
    asked = request.GET.get("place", "")
    district = next(
        (each for each in districts if each.code == asked), districts[0] if districts and not asked else None
    )
    if district is None:
        raise Http404
    found = planning.plan(district=district, at=clock.now())
    keeps = access.scope_of(request.user, *AT_COUNTER).covers_division(str(district.code))
    context = {
        **admin.site.each_context(request),
        "title": gettext("Plan for the gifts of {district}").format(district=district.label),
        "subtitle": None,
        "districts": districts,
        "district": district,
        "plan": found,
        "moves": [(move, _move_address(move) if keeps else "") for move in found.moves],
        "pace_days": planning.PACE_DAYS,
        "fill_days": planning.FILL_DAYS,
        "ahead_days": planning.AHEAD_DAYS,
        "today": clock.local_date(clock.now()),
    }
    return TemplateResponse(request, "admin/points/papers/plan.html", context)


def _move_address(move: planning.Move) -> str:
    """The URL of the form for the move, filled in."""
    said = {"station": move.source.pk, "target": move.target.pk, "pieces": move.pieces}
    return f"{reverse('admin:points_gift_stock', args=[move.gift.pk, 'move'])}?{urlencode(said)}"


if isinstance(admin.site, FengchaoAdminSite):  # the type checker knows Django's own
    line = MenuLine(_("Papers"), _("Points and gifts"), 496, _may)
    admin.site.show_page("points/papers/", papers_page, name="points_papers", line=line)
    admin.site.show_page("points/papers/register/", register, name="points_papers_register")
    admin.site.show_page("points/papers/stock/", stock_sheet, name="points_papers_stock")
    admin.site.show_page("points/papers/count/", count_sheet, name="points_papers_count")
    line = MenuLine(_("Plan for gifts"), _("Points and gifts"), 497, holds_a_district)
    admin.site.show_page("points/plan/", plan_page, name="points_plan", line=line)
