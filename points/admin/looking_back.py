"""Looking back: hand-overs drawn at random, what one member of staff did, and whose name and phone were shown."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import XLSX, attachment, described_actor, described_changes, described_kind, described_name
from core.admin_site import FengchaoAdminSite
from core.models import AuditEvent, User
from core.typed import DayField, row_number
from couriers import duties, privacy
from couriers.models import Courier, RetiredCode
from points.admin.scoped import READERS, districts_seen, holds_a_district
from points.models import Entry, Gift, LedgerCheck, Redemption
from points.sampling import draw, new_seed
from stations import access
from stations.access import Scope
from stations.columns import SheetRows, Value, xlsx_chunks
from stations.models import Duty

__all__ = ["deeds", "reveals", "sample"]

USUAL_DAYS = 30
MOST_DAYS = 366
MOST_DRAWN = 100
A_PAGE = 50
# Events are counted and filtered no further: if somebody did more, ask for shorter spans.
MOST_COUNTED = 5_000
REVEALS = ("courier.revealed", "courier.copied")


# ── A span of days ──────────────────────────────────────────────────────────────────────────────────────────────────


class SpanForm(forms.Form):
    """From a day to a day, both included, a year at most; by default the last 30 days."""

    first = DayField(label=_("from"), widget=forms.DateInput(attrs={"type": "date"}))
    last = DayField(label=_("through"), widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        first, last = said.get("first"), said.get("last")
        if first and last and not timedelta(0) <= last - first < timedelta(days=MOST_DAYS):
            self.add_error("last", gettext("Not before the first day, and at most a year after it."))
        return said

    @property
    def is_asked(self) -> bool:
        return bool(self.data.get("first") or self.data.get("last"))


def _span(*, until: date) -> dict[str, date]:
    return {"first": until - timedelta(days=USUAL_DAYS - 1), "last": until}


def _asked(request: HttpRequest, usual: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, with defaults for the rest."""
    return {**{name: str(value) for name, value in usual.items()}, **{k: v for k, v in request.GET.items() if v}}


def _within_days(first: date, last: date) -> Q:
    return Q(
        occurred_at__gte=clock.local_midnight(first), occurred_at__lt=clock.local_midnight(last + timedelta(days=1))
    )


def _frame(request: HttpRequest, title: str) -> dict[str, Any]:
    return {
        **admin.site.each_context(request),
        "title": title,
        "subtitle": None,
        "opts": LedgerCheck._meta,
        "query": request.GET.urlencode(),
        "today": clock.local_date(clock.now()),
        "reader": request.user,
    }


def _more(request: HttpRequest, **said: Any) -> str:
    """The URL of this page with other parameters."""
    query: QueryDict = request.GET.copy()
    for name, value in said.items():
        query.pop(name, None)
        if value:
            query[name] = str(value)
    return "?" + query.urlencode()


# ── Drawn at random ─────────────────────────────────────────────────────────────────────────────────────────────────


class SampleForm(SpanForm):
    district = forms.ChoiceField(label=_("district"), required=False)
    number = forms.IntegerField(label=_("how many"), min_value=1, max_value=MOST_DRAWN)
    seed = forms.RegexField(
        r"^[0-9a-zA-Z-]{1,32}$",
        label=_("number of the draw"),
        required=False,
        help_text=_("empty: a new draw; a number from a printed sheet: the same draw again"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": "32"}),
    )


def sample(request: HttpRequest) -> HttpResponseBase:
    """The server draws, so that nobody picks; the number of the draw is shown on the page and on the paper."""
    if not holds_a_district(request, *READERS):
        raise PermissionDenied
    scope = access.scope_of(request.user, *READERS)
    names = {district.code: district.label for district in districts_seen(request, *READERS)}
    # On a day that is over nothing more is handed over, so the same draw can be repeated.
    usual = {**_span(until=clock.local_date(clock.now()) - timedelta(days=1)), "number": 10}
    form = SampleForm(_asked(request, usual))
    whole = gettext("the whole city") if scope.is_city else gettext("all districts")
    form.fields["district"].choices = [("", whole), *names.items()]  # type: ignore[attr-defined]
    is_drawn = form.is_valid() and form.is_asked and bool(request.GET.get("first"))
    if is_drawn and not form.cleaned_data["seed"]:
        return HttpResponseRedirect(_more(request, seed=new_seed()))
    lines: list[dict[str, Any]] = []
    said = form.cleaned_data if is_drawn else {}
    if is_drawn:
        district = said["district"]
        found = draw(
            seed=said["seed"], number=said["number"], first=said["first"], last=said["last"], scope=scope,
            districts=[district] if district else [],
        )  # fmt: skip
        lines = _drawn(request, list(found))
        if request.GET.get("format") == "xlsx":
            sheet = SheetRows(said["seed"], _sheet(lines), widths=[16, 18, 26, 18, 8, 16, 16, 20, 30])
            return attachment(xlsx_chunks([sheet]), name=f"sample-{said['seed']}.xlsx", content_type=XLSX)
    context = _frame(request, gettext("Hand-overs drawn at random")) | {
        "form": form,
        "is_drawn": is_drawn,
        "said": said,
        "where": names.get(said.get("district", ""), whole),
        "lines": lines,
        "runs": bool(said) and said["last"] >= clock.local_date(clock.now()),
        "xlsx": _more(request, format="xlsx"),
        "again": _more(request, seed=""),
    }
    return TemplateResponse(request, "admin/points/audit/sample.html", context)


def _drawn(request: HttpRequest, found: list[Redemption]) -> list[dict[str, Any]]:
    """With a link to each courier's full name for those who may ask for it; there they are asked for the reason. A courier
    whose profile was merged since is listed under the one that goes on."""
    reach = access.scope_of(request.user, *duties.AT_DESK)
    people = {each.pk: each.courier.merged_into or each.courier for each in found}
    own = set(
        Courier.objects.within(reach)
        .filter(pk__in=[courier.pk for courier in people.values()])
        .exclude(status=Courier.Status.ERASED)
        .values_list("pk", flat=True)
    )
    lines = []
    for each in found:
        assert each.ended is not None  # noqa: S101 - it was handed over
        assert each.ended_at is not None  # noqa: S101
        courier = people[each.pk]
        person = privacy.masked(courier)
        lines.append({
            "redemption": each,
            "at": clock.to_local(each.ended_at),
            "by": described_name(each.ended.actor_name),
            "second": each.ended.approver_name,
            "person": f"{person.name} {person.phone}".strip() or courier.code,
            "reveal": reverse("admin:couriers_courier_reveal", args=[courier.pk]) if courier.pk in own else "",
        })  # fmt: skip
    return lines


def _sheet(lines: Sequence[dict[str, Any]]) -> Iterator[Sequence[Value]]:
    yield [
        gettext("receipt number"), gettext("when"), gettext("station"), gettext("gift"), gettext("points"),
        gettext("done by"), gettext("second person"), gettext("courier"), gettext("his answer"),
    ]  # fmt: skip
    for line in lines:
        each = line["redemption"]
        yield [
            each.receipt_no, line["at"], each.station.name, each.gift.label, each.points, line["by"],
            line["second"], line["person"], "",
        ]  # fmt: skip


# ── What one did ────────────────────────────────────────────────────────────────────────────────────────────────────


class DeedsForm(SpanForm):
    who = forms.CharField(
        label=_("member of staff"),
        max_length=150,
        help_text=_("the name of the account, whole"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )


def deeds(request: HttpRequest) -> HttpResponseBase:
    """What an account did in the reader's scope, newest first: how often of each kind, and one by one."""
    if not holds_a_district(request, *READERS):
        raise PermissionDenied
    asked = _asked(request, _span(until=clock.local_date(clock.now())))
    form = DeedsForm(
        asked if request.GET else None, initial=asked
    )  # an empty name is no mistake before the form is sent
    is_asked = bool(request.GET.get("who"))
    context = _frame(request, gettext("What one member of staff did")) | {"form": form, "is_asked": is_asked}
    if is_asked and form.is_valid():
        said = form.cleaned_data
        scope = access.scope_of(request.user, *READERS)
        account = User.objects.filter(username=said["who"].strip()).first()
        done = AuditEvent.objects.filter(_within_days(said["first"], said["last"]), actor=account)
        done = done.filter(_of_scope(scope, done)).exclude(data__has_key="told_under") if account else done.none()
        kinds = Counter(done.order_by("-id").values_list("kind", flat=True)[:MOST_COUNTED])
        kind = request.GET.get("kind", "")
        context |= {
            "said": said,
            "kinds": [
                {"label": _said_kind(each), "number": number, "url": _more(request, kind=each, before=""), "is_shown": each == kind}
                for each, number in kinds.most_common()
            ],
            "kind": kind,
            "all_kinds": _more(request, kind="", before=""),
            "is_cut": kinds.total() == MOST_COUNTED,
            "total": kinds.total(),
            **_page(request, done.filter(kind=kind) if kind else done),
        }  # fmt: skip
    return TemplateResponse(request, "admin/points/audit/deeds.html", context)


def _said_kind(kind: str) -> str:
    return described_kind(AuditEvent(kind=kind))


def _page(request: HttpRequest, events: QuerySet[AuditEvent]) -> dict[str, Any]:
    """Fifty at a time, each page beginning after the last event of the previous one."""
    before = request.GET.get("before", "")
    if (number := row_number(before)) is not None:
        events = events.filter(pk__lt=number)
    rows = list(events.order_by("-id")[: A_PAGE + 1])
    shown = rows[:A_PAGE]
    return {
        "events": [
            {"event": event, "at": clock.to_local(event.occurred_at), "kind": described_kind(event),
             "by": described_actor(event), "what": what}
            for event, what in zip(shown, described_changes(shown), strict=True)
        ],
        "older": _more(request, before=shown[-1].pk) if rows[A_PAGE:] else "",
        "newest": _more(request, before="") if before else "",
    }  # fmt: skip


def _of_couriers(scope: Scope) -> Q:
    """The events about couriers in the scope, under the codes that they have or had."""
    if scope.is_city:
        return Q(subject_type="courier")
    own = Courier.objects.within(scope)
    return Q(subject_type="courier") & (
        Q(subject_code__in=own.values("code"))
        | Q(subject_code__in=RetiredCode.objects.filter(courier__in=own.values("pk")).values("code"))
    )


def _of_scope(scope: Scope, done: QuerySet[AuditEvent]) -> Q:
    """The events whose subject is in the scope: stations and divisions, and whatever else a district's books are about.

    Points given by a district belong to it, whichever district the courier is of; so do postings that moved its accounts.
    """
    if scope.is_city:
        return Q()
    districts = list(scope.divisions().districts().values_list("pk", flat=True))
    codes = done.filter(subject_type="posting").order_by("-id").values_list("subject_code", flat=True)[:MOST_COUNTED]
    postings = [int(code) for code in codes]
    touched = Entry.objects.filter(posting__in=postings, account__division__in=districts).values_list(
        "posting", flat=True
    )
    return (
        access.events_seen(scope)
        | _of_couriers(scope)
        | Q(data__district__in=districts)
        | Q(subject_type="gift", subject_code__in=Gift.objects.filter(division__in=districts).values("code"))
        | Q(subject_type="posting", subject_code__in=[str(pk) for pk in touched])
    )


# ── Whose name and phone was shown ──────────────────────────────────────────────────────────────────────────────────


class RevealsForm(SpanForm):
    who = forms.CharField(label=_("shown to"), max_length=150, required=False, help_text=_("empty: everybody"))


def reveals(request: HttpRequest) -> HttpResponseBase:
    """Each look at a courier's full name and phone, with its reason: only for those who audit."""
    if not holds_a_district(request, Duty.AUDIT):
        raise PermissionDenied
    form = RevealsForm(_asked(request, _span(until=clock.local_date(clock.now()))))
    context = _frame(request, gettext("Whose name and phone was shown")) | {"form": form}
    if form.is_valid():
        said = form.cleaned_data
        scope = access.scope_of(request.user, Duty.AUDIT)
        found = AuditEvent.objects.filter(
            _within_days(said["first"], said["last"]), _of_couriers(scope), kind__in=REVEALS
        )
        if said["who"]:
            found = found.filter(actor_name=said["who"].strip())
        shown = _page(request, found)
        own = dict(
            Courier.objects.within(access.scope_of(request.user))
            .filter(code__in=[each["event"].subject_code for each in shown["events"]])
            .values_list("code", "pk")
        )
        for each in shown["events"]:
            event = each["event"]
            each["reason"] = event.data.get("reason", "")
            pk = own.get(event.subject_code)
            each["courier"] = reverse("admin:couriers_courier_change", args=[pk]) if pk else ""
        context |= shown
    return TemplateResponse(request, "admin/points/audit/reveals.html", context)


if isinstance(admin.site, FengchaoAdminSite):  # the type checker knows Django\'s own
    admin.site.show_page("points/audit/sample/", sample, name="points_sample")
    admin.site.show_page("points/audit/deeds/", deeds, name="points_deeds")
    admin.site.show_page("points/audit/reveals/", reveals, name="points_reveals")
