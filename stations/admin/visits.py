"""核实链接 at the desk: made on a station's page, sent into a group, and what came back decided on with one tap."""

from dataclasses import dataclass
from typing import Any

import segno
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core import clock
from core.addresses import absolute
from core.admin import SparsePaginator, name_in_trail
from core.errors import DomainError
from stations import visiting
from stations.access import DutyMissing
from stations.admin.scoped import ScopedAdmin, signed_in
from stations.errors import ReasonMissing
from stations.geo import Crs, Point, district_at, doubt_of_position, map_links
from stations.hours_text import format_zh
from stations.models import Amenity, Division, Station, VisitLink, VisitReport
from stations.models.visits import LinkState
from stations.visiting import Fact, Proposals

__all__ = ["VisitLinkAdmin", "VisitReportAdmin"]

FOUND = _("Found at the doors")
# A position less accurate than this may be the house next door.
FUZZY_M = 100
STATE_WORDS = {
    LinkState.OPEN: _("not used yet"),
    LinkState.USED: _("used"),
    LinkState.EXPIRED: _("too old"),
    LinkState.REVOKED: pgettext_lazy("link", "taken back"),
}


def _local(at: Any) -> str:
    return f"{clock.to_local(at):%Y-%m-%d %H:%M}" if at else "—"


class _Kept(ScopedAdmin):
    """Rows that come from the door and from verbs, never from a form of the admin."""

    audit_type = "station"
    audits_itself = True
    paginator = SparsePaginator
    menu_group = FOUND

    def audit_code(self, obj: Any) -> str:
        return str(self.station_of(obj).code)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


# ── Links ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class LinkStateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [(str(state), words) for state, words in STATE_WORDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[VisitLink]) -> QuerySet[VisitLink]:  # noqa: ARG002
        now = clock.now()
        unused = Q(used_at=None, revoked_at=None)
        conditions = {
            "open": unused & Q(expires_at__gt=now),
            "used": Q(used_at__isnull=False),
            "expired": unused & Q(expires_at__lte=now),
            "revoked": Q(revoked_at__isnull=False),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


@admin.register(VisitLink)
class VisitLinkAdmin(_Kept):
    """Links that were sent out. The URL of a link is shown when it is made, and never again."""

    station_path = "station__"
    list_hint = _(
        "A link is made on a station's page, shown once and good for one report. Take it back if it went astray."
    )
    menu_position = 45
    list_display = ("said_made_at", "station", "made_by", "state_badge", "said_expires_at")
    list_select_related = ("station", "made_by")
    list_filter = (LinkStateFilter,)
    search_fields = ("station__code__exact",)
    search_help_text = _("a station's code, whole")
    ordering = ("-id",)  # as they were made; the table's own order would sort all of them
    fields = ("station", "maker", "said_made_at", "said_expires_at", "state_badge")
    readonly_fields = fields
    actions = ["revoke"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return bool(self.scope(request, *visiting.DUTIES))

    @admin.display(description=_("made by"))
    def maker(self, link: VisitLink) -> str:
        """By name: the field itself would lead to an account's page by its number."""
        return link.made_by.get_username()

    @admin.display(description=_("made at"), ordering="made_at")
    def said_made_at(self, link: VisitLink) -> str:
        return _local(link.made_at)

    @admin.display(description=_("valid until"), ordering="expires_at")
    def said_expires_at(self, link: VisitLink) -> str:
        return _local(link.expires_at)

    @admin.display(description=_("state"))
    def state_badge(self, link: VisitLink) -> SafeString:
        state = link.state_at(clock.now())
        return format_html('<span class="badge link-{}">{}</span>', str(state), STATE_WORDS[state])

    @admin.action(description=_("take these links back"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[VisitLink]) -> None:
        at, done = clock.now(), 0
        for link in queryset:
            try:
                done += visiting.revoke(link=link, actor=signed_in(request), at=at).revoked_at == at
            except DomainError as refusal:
                self.message_user(request, f"{link}: {refusal}", messages.ERROR)
        self.message_user(
            request,
            ngettext("{number} link taken back.", "{number} links taken back.", done).format(number=done),
            messages.SUCCESS if done else messages.WARNING,
        )

    def get_urls(self) -> list[Any]:
        issue = self.admin_site.admin_view(self.issue_view)
        return [path("issue/<int:station_id>/", issue, name="stations_visitlink_issue"), *super().get_urls()]

    def issue_view(self, request: HttpRequest, station_id: int) -> HttpResponse:
        """Make a link and show it, this once. Only a button leads here: opening the URL makes nothing."""
        station = self.scope(request).stations().filter(pk=station_id).first()
        if station is None:
            raise Http404
        if request.method != "POST":
            return HttpResponseRedirect(reverse("admin:stations_station_change", args=[station.pk]))
        try:
            link, token = visiting.issue(station=station, actor=signed_in(request), at=clock.now())
        except DutyMissing as refusal:
            raise PermissionDenied from refusal
        except DomainError as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:stations_station_change", args=[station.pk]))
        address = absolute(request, reverse("stations:visit", args=[token]))
        last_day = clock.to_local(link.expires_at)
        text = gettext(
            "[江城蜂巢] Who is near “{name}”? Please open this at the door and check it, it takes a minute "
            "(once, until {month}-{day}): {address}"
        ).format(name=station.name, month=last_day.month, day=last_day.day, address=address)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Link for a check at the door: {name}").format(name=station.name),
            "opts": self.opts,
            "station": station,
            "text": text,
            "qr": _qr_svg(address),
            "expires_at": _local(link.expires_at),
        }
        return TemplateResponse(request, "admin/stations/visitlink/issued.html", context)


def _qr_svg(text: str) -> SafeString:
    """A QR code as an inline SVG without styles: the page's policy allows none."""
    code = segno.make_qr(text, error="m")
    return mark_safe(code.svg_inline(border=4, omitsize=True, svgclass="qr", lineclass="qr-dark"))  # noqa: S308 - no markup


# ── Reports ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class FactView:
    """One thing that the report would change: how it is, how it would be, and what to look out for."""

    fact: str
    label: str
    before: str | SafeString
    after: str | SafeString
    hints: list[str]
    links: list[tuple[str, str]]


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(choices=[("all", "all"), ("chosen", "chosen"), ("refuse", "refuse")])
    take = forms.MultipleChoiceField(choices=[(str(fact), str(fact)) for fact in Fact], required=False)
    photo = forms.CharField(max_length=100, required=False)
    reason = forms.CharField(max_length=120, required=False)
    seen_version = forms.IntegerField(min_value=0, max_value=2**31 - 1)


@admin.register(VisitReport)
class VisitReportAdmin(_Kept):
    """What came back from the doors. Each page shows before and after, fact by fact."""

    station_path = "link__station__"
    change_duties = visiting.DUTIES
    list_hint = _("What came back through links from the door. Couriers see nothing of it before it is accepted.")
    menu_position = 40
    list_display = ("said_sent_at", "station_name", "outcome", "state_badge", "decided_by", "said_decided_at")
    list_select_related = ("link__station", "decided_by")
    list_filter = ("state", "outcome")
    search_fields = ("link__station__code__exact",)
    search_help_text = _("a station's code, whole")
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[VisitReport]:
        reports: QuerySet[VisitReport] = super().get_queryset(request)
        return reports.select_related("link__station")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The newest first; among those to be decided, the oldest first."""
        return ("sent_at",) if request.GET.get("state__exact") == VisitReport.State.SENT else ("-id",)

    @admin.display(description=_("sent at"), ordering="sent_at")
    def said_sent_at(self, report: VisitReport) -> str:
        return _local(report.sent_at)

    @admin.display(description=_("decided at"), ordering="decided_at")
    def said_decided_at(self, report: VisitReport) -> str:
        return _local(report.decided_at)

    @admin.display(description=_("station"))
    def station_name(self, report: VisitReport) -> str:
        return f"{report.station.code} {report.station.name}"

    @admin.display(description=_("state"), ordering="state")
    def state_badge(self, report: VisitReport) -> SafeString:
        return format_html('<span class="badge report-{}">{}</span>', report.state, report.get_state_display())

    def get_urls(self) -> list[Any]:
        photo = self.admin_site.admin_view(self.photo_view)
        return [
            path("<int:report_id>/photos/<int:number>/", photo, name="stations_visitreport_photo"),
            *super().get_urls(),
        ]

    def photo_view(self, request: HttpRequest, report_id: int, number: int) -> FileResponse:
        """One of the photos of a report that waits; only staff with the station in their scope see it."""
        report = self._report(request, report_id)
        if number >= len(report.photos):
            raise Http404
        try:
            return FileResponse(default_storage.open(report.photos[number]), content_type="image/webp")
        except FileNotFoundError as error:  # the row was restored from a backup without its files
            raise Http404 from error

    def _report(self, request: HttpRequest, report_id: object) -> VisitReport:
        report: VisitReport | None = self.get_object(request, str(report_id))
        if report is None:
            raise Http404
        return report

    # ── Deciding ────────────────────────────────────────────────────────────────────────────────────────────────────

    def change_view(self, request: HttpRequest, object_id: str, *_args: Any, **_kwargs: Any) -> HttpResponse:
        report = self._report(request, object_id)
        form, error = DecisionForm(), ""
        if request.method == "POST":
            if not self.has_change_permission(request, report):
                raise PermissionDenied
            form = DecisionForm(request.POST)
            error = self._decide(request, report, form)
            if not error:
                return HttpResponseRedirect(f"{reverse('admin:stations_visitreport_changelist')}?state__exact=sent")
            # As it is now: the refusal may be due to somebody else's change.
            report = self._report(request, object_id)
        return self._page(request, report, form, error)

    def _decide(self, request: HttpRequest, report: VisitReport, form: DecisionForm) -> str:
        """Do what the form says.   Returns: why not, in words; nothing when it is done."""
        by, at = signed_in(request), clock.now()
        if not form.is_valid():
            return " ".join(str(errors[0]) for errors in form.errors.values())
        cleaned = form.cleaned_data
        try:
            if cleaned["decision"] == "refuse":
                visiting.refuse(report=report, reason=cleaned["reason"], actor=by, at=at)
                said = gettext("Refused. Nothing was changed at {name}.")
            else:
                visiting.accept(
                    report=report,
                    facts=list(Fact) if cleaned["decision"] == "all" else cleaned["take"],
                    photo=cleaned["photo"],
                    version=cleaned["seen_version"],
                    actor=by,
                    at=at,
                )
                said = gettext("Accepted. {name} is up to date.")
        except ReasonMissing as refusal:
            form.add_error("reason", str(refusal))
            return str(refusal)
        except DomainError as refusal:
            return str(refusal.detail or refusal.title)
        self.message_user(request, said.format(name=report.station.name), messages.SUCCESS)
        return ""

    def _page(self, request: HttpRequest, report: VisitReport, form: DecisionForm, error: str) -> HttpResponse:
        station = report.station
        proposed = visiting.proposals(report)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Report from the door: {name}").format(name=station.name),
            "opts": self.opts,
            "original": report,
            "report": report,
            "station": station,
            "may_decide": report.is_waiting and self.has_change_permission(request, report),
            "facts": _fact_views(report, proposed) if report.is_waiting else [],
            "photos": [
                (name, reverse("admin:stations_visitreport_photo", args=[report.pk, number]))
                for number, name in enumerate(report.photos)
            ],
            "is_changed_since": report.is_waiting and station.version != report.station_version,
            "form": form,
            "error": error,
            "sent_at": _local(report.sent_at),
            "decided_at": _local(report.decided_at),
        }
        return TemplateResponse(request, "admin/stations/visitreport/decision.html", context)


def _fact_views(report: VisitReport, proposed: Proposals) -> list[FactView]:
    words = {
        Fact.OUTCOME: _outcome_view,
        Fact.POSITION: _position_view,
        Fact.PHOTO: _photo_view,
        Fact.HOURS: _hours_view,
        Fact.AMENITIES: _amenities_view,
    }
    return [words[fact](report, proposed) for fact in proposed.facts]


def _outcome_view(report: VisitReport, _proposed: Proposals) -> FactView:
    station = report.station
    before = gettext("last proved open: {at}").format(at=_local(station.confirmed_at))
    if station.doubted_at:
        before = f"{before} · {gettext('doubted since {at}').format(at=_local(station.doubted_at))}"
    after = f"{report.get_outcome_display()} · {_local(report.sent_at)}"
    return FactView(Fact.OUTCOME, gettext("What was found"), before, after, [], [])


def _position_view(report: VisitReport, proposed: Proposals) -> FactView:
    station, hints, links = report.station, [], []
    assert proposed.position is not None  # noqa: S101 - narrows the type
    if station.latitude is not None and station.longitude is not None:
        before = f"{station.latitude:.6f}, {station.longitude:.6f}"
        links.append((gettext("the old one on Amap"), _on_amap(station, Point(station.latitude, station.longitude))))
    else:
        before = gettext("no position")
    if proposed.moved_m is not None:
        hints.append(gettext("{distance} apart").format(distance=_distance(proposed.moved_m)))
    if report.accuracy_m is not None:
        hints.append(gettext("the phone knew it to within {metres} m").format(metres=report.accuracy_m))
        if report.accuracy_m > FUZZY_M:
            hints.append(gettext("That is too vague for a door: look at the map first."))
    if doubt_of_position(proposed.position, Crs.WGS84, str(station.division_id)) is not None:
        lies_in = (
            Division.objects.filter(pk=district_at(proposed.position) or "").values_list("name", flat=True).first()
        )
        hints.append(
            gettext("This lies in {place}, not in the station's district.").format(
                place=lies_in or gettext("outside the city")
            )
        )
    links.append((gettext("the new one on Amap"), _on_amap(station, proposed.position)))
    after = f"{proposed.position.latitude:.6f}, {proposed.position.longitude:.6f}"
    return FactView(Fact.POSITION, gettext("Position"), before, after, hints, links)


def _on_amap(station: Station, point: Point) -> str:
    return map_links(point, name=station.name, address=station.address).amap


def _distance(metres: float) -> str:
    if metres < 1_000:
        return gettext("{metres} m").format(metres=round(metres))
    return gettext("{kilometres} km").format(kilometres=f"{metres / 1_000:.1f}")


def _photo_view(report: VisitReport, _proposed: Proposals) -> FactView:
    before: str | SafeString = gettext("None yet.")
    if report.station.photo:
        before = format_html(
            '<img class="present-photo" src="{}" alt="{}">',
            report.station.photo_url,
            gettext("The photo shown now"),
        )
    return FactView(Fact.PHOTO, gettext("Photo"), before, "", [], [])


def _hours_view(report: VisitReport, proposed: Proposals) -> FactView:
    before = format_zh(proposed.periods_before) or report.station.hours_text or gettext("not registered")
    if proposed.periods is None:
        hint = gettext("This cannot be read as times. Taken over, it is shown to couriers as it is written.")
        return FactView(Fact.HOURS, gettext("Opening hours"), before, proposed.hours_text or "", [hint], [])
    hint = gettext("as it was written: {text}").format(text=report.hours_text)
    return FactView(Fact.HOURS, gettext("Opening hours"), before, format_zh(proposed.periods), [hint], [])


def _amenities_view(_report: VisitReport, proposed: Proposals) -> FactView:
    seen = proposed.amenities or frozenset()
    names = {amenity.code: amenity.label for amenity in Amenity.objects.all()}

    def listed(codes: frozenset[str]) -> str:
        return gettext(", ").join(name for code, name in names.items() if code in codes) or "—"

    hints = []
    if added := seen - proposed.amenities_before:
        hints.append(gettext("new: {names}").format(names=listed(added)))
    if gone := proposed.amenities_before - seen:
        hints.append(gettext("no longer there: {names}").format(names=listed(gone)))
    return FactView(Fact.AMENITIES, gettext("Amenities"), listed(proposed.amenities_before), listed(seen), hints, [])


name_in_trail(
    {
        "visit.link-made": _("link for a check at the door made"),
        "visit.link-revoked": _("link for a check at the door taken back"),
        "visit.reported": _("reported from the door"),
        "visit.accepted": _("report from the door accepted"),
        "visit.refused": _("report from the door refused"),
        "link": _("link"),
        "position": _("position"),
        "taken": _("taken over"),
        "left": _("left as it was"),
    }
)
