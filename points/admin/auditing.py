"""Audit: where an auditor begins. The checks of the books, and links to the other pages for looking back."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import ReadOnlyAdmin, described_name
from core.typed import posted
from points import checking, verifying
from points.admin.scoped import READERS, districts_seen, holds_a_district
from points.models import LedgerCheck
from points.violation import in_words
from stations import access
from stations.admin.scoped import signed_in
from stations.models import Duty

__all__ = ["LedgerCheckAdmin"]

SHOWN = 20

# What each invariant says, for a reader who knows bookkeeping but no SQL (points/verifying.py).
SAYS = {
    "I1": _("every posting has entries, which add up to zero and are in one district"),
    "I2": _("every balance is the sum of its entries"),
    "I3": _("the entries of an account are numbered without a gap, each balance following from the one before"),
    "I4": _("no account was ever below zero, and each has the right kind of owner"),
    "I5": _("all entries together come to nothing, in points and in each gift"),
    "I6": _("what was taken back was taken back once, and whole"),
    "I7": _("orders, hand-overs and what is set aside in the cabinets agree"),
    "I8": _("every award is one posting, of the same courier, points and fund"),
    "I9": _("what partners' programs posted agrees with what they were answered"),
    "I10": _("no district has spent more than the city allocated to it"),
    "I11": _("the seals agree with what was sealed"),
    "I12": _("whoever did or signed it had the duty for it there at that time"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """What a check says about one invariant."""

    code: str
    says: str | Promise
    number: int
    is_cut: bool
    sentences: list[str]


@dataclass(frozen=True, slots=True)
class Way:
    """A page for looking back."""

    label: str | Promise
    hint: str | Promise
    url: str


def _where(check: LedgerCheck) -> str:
    return gettext("the whole city") if check.division is None else check.division.label


def _lines(check: LedgerCheck) -> list[Line]:
    """In the order of their numbers."""
    lines = []
    for code in sorted(verifying.CODES, key=lambda code: int(code[1:])):
        number, said = check.found.get(code, (0, []))
        lines.append(Line(code, SAYS[code], number, number >= verifying.MOST_NAMED, list(map(in_words, said))))
    return lines


def _took(check: LedgerCheck) -> str:
    if check.started_at is None or check.finished_at is None:
        return ""
    return f"{(check.finished_at - check.started_at).total_seconds():.1f}"


def _ways(request: HttpRequest) -> list[Way]:
    ways = [
        Way(
            _("Who stands out"),
            _("One member of staff and one courier far more often than chance explains."),
            reverse("admin:points_stand_out"),
        ),
        Way(
            _("Hand-overs drawn at random"),
            _("To call couriers back and ask whether the gift came into their hands."),
            reverse("admin:points_sample"),
        ),
        Way(
            _("What one member of staff did"),
            _("Awards, hand-overs, stock, cancellations: counted, and one by one."),
            reverse("admin:points_deeds"),
        ),
    ]
    if holds_a_district(request, Duty.AUDIT):
        ways.append(
            Way(
                _("Whose name and phone was shown"),
                _("Who looked at which courier in full, and the reason he gave."),
                reverse("admin:points_reveals"),
            )
        )
    return [
        *ways,
        Way(
            _("Redemptions"),
            _("Each with its postings, and a receipt slip to print and sign."),
            reverse("admin:points_redemption_changelist"),
        ),
        Way(
            _("Monthly settlement"),
            _("What each district paid for and what its counters took in."),
            reverse("admin:points_settlement"),
        ),
    ]


@admin.register(LedgerCheck)
class LedgerCheckAdmin(ReadOnlyAdmin):
    """Each district sees the checks of its own books; only the city sees those of the whole city."""

    menu_group = _("Points and gifts")
    menu_position = 540
    menu_name = _("Audit")
    audits_itself = True

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) and holds_a_district(request, *READERS)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return holds_a_district(request, *READERS)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerCheck]:
        rows: QuerySet[LedgerCheck] = super().get_queryset(request).select_related("division")
        if access.scope_of(request.user, *READERS).is_city:
            return rows
        return rows.filter(division__in=districts_seen(request, *READERS).values("pk"))

    def get_urls(self) -> list[URLPattern]:
        return [
            path("ask/", self.admin_site.admin_view(self.ask_page), name="points_ledgercheck_ask"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        """The links, the button for a new check, and the newest checks."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.GET:  # the page takes no parameters
            return HttpResponseRedirect(request.path)
        checks = list(self.get_queryset(request)[:SHOWN])
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Audit"),
            "subtitle": None,
            "opts": self.opts,
            "ways": _ways(request),
            "is_city": access.scope_of(request.user, *READERS).is_city,
            "districts": districts_seen(request, *READERS),
            "checks": [(check, _where(check), described_name(check.asked_by), sum(said[0] for said in check.found.values()))
                       for check in checks],
        }  # fmt: skip
        return TemplateResponse(request, "admin/points/audit/index.html", context)

    def ask_page(self, request: HttpRequest) -> HttpResponse:
        """The button."""
        if request.method != "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        code, district = posted(request, "district"), None
        if code:
            district = districts_seen(request, *READERS).filter(pk=code).first()
            if district is None:
                raise Http404
        elif not access.scope_of(request.user, *READERS).is_city:
            raise PermissionDenied
        check = checking.ask(district=district, actor=signed_in(request), at=clock.now())
        return HttpResponseRedirect(reverse("admin:points_ledgercheck_change", args=[check.pk]))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",  # noqa: ARG002
        extra_context: Any = None,  # noqa: ARG002
    ) -> HttpResponse:
        """What one check found, to view and to print."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        check: LedgerCheck | None = self.get_object(request, object_id)
        if check is None:
            raise Http404
        if request.method == "POST":
            raise PermissionDenied
        lines = _lines(check)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Check of the books: {where}").format(where=_where(check)),
            "subtitle": None,
            "opts": self.opts,
            "check": check,
            "by": described_name(check.asked_by),
            "state": "done" if check.finished_at else "runs" if check.started_at else "waits",
            "lines": lines,
            "number": sum(line.number for line in lines),
            "took": _took(check),
        }
        return TemplateResponse(request, "admin/points/audit/check.html", context)
