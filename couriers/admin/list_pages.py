"""Bringing in a list of couriers: the file, the preview, the confirmation, and what came of it. All of it masked."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import XLSX, attachment
from core.errors import DomainError
from core.limits import TooMany
from couriers import consents, duties
from couriers.admin.scoped import InDivisionAdmin
from couriers.importing import lists, template_xlsx
from couriers.importing.rows import KIND_MISSING
from couriers.models import Company, Courier, CourierList, Outlet
from stations.access import CITY_CODE, Scope
from stations.admin.questions import Choices, Control, Groups, Question, given, questions, settle
from stations.admin.scoped import signed_in
from stations.importing import FileUnreadable, Severity, result_xlsx
from stations.importing.findings import row_words
from stations.models import Division

__all__ = ["may_bring", "urls"]

LISTS_SHOWN = 20
QUESTIONS_SHOWN = 10
REFUSALS_SHOWN = 50


class ListForm(forms.Form):
    """The file, and what applies to everybody in it."""

    file = forms.FileField(
        label=_("list of couriers"),
        help_text=_("xlsx, xls, ods or csv, up to 5,000 rows, with at least a column 手机号"),
        widget=forms.FileInput(attrs={"accept": ".xlsx,.xls,.ods,.csv"}),
    )
    division = forms.ChoiceField(
        label=_("district"), help_text=_("Rows without a district are taken for it; rows of others are refused.")
    )
    kind = forms.ChoiceField(
        label=_("kind"),
        choices=[("", _("as the list says")), *Courier.Kind.choices],
        required=False,
        help_text=_("for couriers whose kind the list does not give"),
    )
    agreed_on_paper = forms.BooleanField(
        label=_("All of them have read the notice and signed it; the papers are kept here"),
        required=False,
        help_text=_("Not needed if the list has a column 是否同意 or 同意日期. Anybody who has not agreed is refused."),
    )
    change_work = forms.BooleanField(
        label=_("The list is right where somebody is registered for another brand or kind"),
        required=False,
        help_text=_("Otherwise such a row is in doubt and nothing changes."),
    )

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["division"]
        field.choices = [(node.code, node.label) for node in _divisions(scope)]


def _divisions(scope: Scope) -> QuerySet[Division]:
    """The districts that the account is responsible for as a whole, and the city if it is for all of them."""
    return scope.divisions().filter(level__in=["city", "district"]).order_by("code")


def may_bring(options: InDivisionAdmin, request: HttpRequest) -> bool:
    """Whether the account is responsible for any district.   No query."""
    return options.scope(request, *duties.AT_DESK).holds_a_district


def urls(options: InDivisionAdmin) -> list[Any]:
    """The URLs below that of the list of couriers."""

    def page(view: Any) -> Any:
        def answered(request: HttpRequest, **found: Any) -> HttpResponseBase:
            if not may_bring(options, request):
                raise PermissionDenied
            answer: HttpResponseBase = view(options, request, **found)
            return answer

        return options.admin_site.admin_view(answered)

    return [
        path("import/", page(_upload), name="couriers_courier_import"),
        path("import/template/", page(_template), name="couriers_courier_import_template"),
        path("import/<int:list_id>/", page(_list_page), name="couriers_courier_import_list"),
        path("import/<int:list_id>/result/", page(_result), name="couriers_courier_import_result"),
    ]


def _upload(options: InDivisionAdmin, request: HttpRequest) -> HttpResponse:
    scope = options.scope(request, *duties.AT_DESK)
    form = ListForm(request.POST or None, request.FILES or None, scope=scope)
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data.pop("file")
        try:
            brought = lists.bring(
                file=upload, source=upload.name, actor=signed_in(request), at=clock.now(), **form.cleaned_data
            )
        except (FileUnreadable, TooMany) as refusal:
            form.add_error("file", str(refusal))
        else:
            return HttpResponseRedirect(_address(brought))
    context = {
        **_context(options, request, gettext("Import a list of couriers")),
        "form": form,
        "notice": consents.membership_notice().shown,
        "lists": _lists(scope).select_related("made_by", "division").defer("report")[:LISTS_SHOWN],
    }
    return TemplateResponse(request, "admin/couriers/import/upload.html", context)


def _template(options: InDivisionAdmin, request: HttpRequest) -> HttpResponseBase:  # noqa: ARG001
    return attachment(template_xlsx(), name="couriers-template.xlsx", content_type=XLSX)


def _lists(scope: Scope) -> QuerySet[CourierList]:
    """The lists of the districts in `scope`."""
    return CourierList.objects.filter(division__in=_divisions(scope))


def _found(options: InDivisionAdmin, request: HttpRequest, list_id: int) -> CourierList:
    in_scope = _lists(options.scope(request, *duties.AT_DESK)).select_related("division", "made_by")
    brought = in_scope.filter(pk=list_id).first() if list_id < 2**63 else None
    if brought is None:
        raise Http404
    return brought


def _list_page(options: InDivisionAdmin, request: HttpRequest, list_id: int) -> HttpResponse:
    brought = _found(options, request, list_id)
    if request.method == "POST":
        verb = {"confirm": lists.confirm, "drop": lists.drop}.get(request.POST.get("do", ""))
        place = "" if verb else "#questions"
        try:
            if verb:
                verb(brought=brought, actor=signed_in(request), at=clock.now())
            elif not settle(options, request, lists, brought=brought):
                raise Http404
        except DomainError as refusal:
            options.message_user(request, str(refusal), messages.WARNING)
        return HttpResponseRedirect(_address(brought) + place)
    return TemplateResponse(request, "admin/couriers/import/list.html", _list_context(options, request, brought))


def _result(options: InDivisionAdmin, request: HttpRequest, list_id: int) -> HttpResponseBase:
    brought = _found(options, request, list_id)
    if "findings" not in brought.report:
        raise Http404
    name = gettext("{name}.result.xlsx").format(name=brought.source.rpartition(".")[0] or brought.source)
    chunks = result_xlsx(lists.report_of(brought))
    return attachment(chunks, name=name, content_type=XLSX)


def _address(brought: CourierList) -> str:
    return reverse("admin:couriers_courier_import_list", args=[brought.pk])


def _context(options: InDivisionAdmin, request: HttpRequest, title: str) -> dict[str, Any]:
    return {
        **options.admin_site.each_context(request),
        "title": title,
        "opts": options.opts,
        "media": options.media,
        "back": reverse("admin:couriers_courier_changelist"),
        "import_list": reverse("admin:couriers_courier_import"),
    }


def _list_context(options: InDivisionAdmin, request: HttpRequest, brought: CourierList) -> dict[str, Any]:
    found = lists.findings_of(brought)
    rows: list[dict[str, Any]] = brought.report.get("rows", [])
    sheets = {finding.sheet for finding in found} | {row["sheet"] for row in rows}

    def place(sheet: str, row: int) -> str:
        """The place in words; the sheet is named if there are several."""
        return row_words(sheet if len(sheets) > 1 else "", row)

    kinds = dict(Courier.Kind.choices)
    in_doubt, waiting = brought.report.get("in_doubt", 0), brought.report.get("answers_waiting", False)
    asked = questions(found, brought.decisions, is_waiting=waiting, place=place, offer=_Offers(brought).add_to)
    doubts = [question for question in asked if not question.is_left_out]
    refusals = [(place(each.sheet, each.row), each, ()) for each in found if each.severity is Severity.REFUSAL]
    return {
        **_context(options, request, brought.source),
        "brought": brought,
        "sentence": brought.report.get("sentence", ""),
        "notes": brought.report.get("notes", []),
        "is_interrupted": lists.is_interrupted(brought),
        "in_doubt": in_doubt,
        "refused_only": max(0, brought.refused - in_doubt),
        "doubts": doubts[:QUESTIONS_SHOWN],
        "doubts_more": max(0, len(doubts) - QUESTIONS_SHOWN),
        "left_out": [question for question in asked if question.is_left_out],
        "answers_waiting": waiting,
        "given": given(brought.decisions, _about) if brought.state == CourierList.State.PREVIEWED else [],
        "refusals": refusals[:REFUSALS_SHOWN],
        "refusals_more": max(0, len(refusals) - REFUSALS_SHOWN),
        "result": reverse("admin:couriers_courier_import_result", args=[brought.pk]),
        "rows": [
            row
            | {
                "place": place(row["sheet"], row["row"]),
                "work": " · ".join(filter(None, (str(kinds[row["kind"]]), row["company"], row["outlet"]))),
            }
            for row in rows
        ],
        "rows_more": max(0, brought.created + brought.updated - len(rows)) if rows else 0,
        "will_write": gettext(", ").join(
            words.format(count=count)
            for count, words in (
                (brought.created, gettext("new {count}")),
                (brought.updated, gettext("changed {count}")),
            )
            if count
        ),
        "has_result": bool(found),
    }


def _about(subject: str) -> str:
    """The question in words."""
    if subject == KIND_MISSING:
        return gettext("kind, where the list says none")
    kind, *parts = subject.split(":")
    return row_words("", int(parts[0])) if kind == "work" else parts[-1]


class _Offers:
    """The choices of the questions about a list of couriers, each made once and only if it is needed."""

    def __init__(self, brought: CourierList) -> None:
        self._within = "" if str(brought.division_id) == CITY_CODE else str(brought.division_id)
        self._outlets: dict[str, Groups] = {}

    def add_to(self, question: Question) -> None:
        kind, _separator, rest = question.finding.subject.partition(":")
        match kind:
            case "company":
                question.control, question.groups = Control.SELECT, self._companies
                question.hint = question.finding.way_out
            case "outlet":
                question.control, question.groups = Control.SELECT, self._of_district(rest.partition(":")[0])
                question.hint = question.finding.way_out
            case "district":
                question.control, question.groups = Control.SELECT, self._districts
            case "kind":
                question.control = Control.RADIO
                question.choices = [
                    ("快递", str(Courier.Kind.EXPRESS.label)),
                    ("外卖", str(Courier.Kind.FOOD_DELIVERY.label)),
                ]
            case "work":
                question.control = Control.RADIO
                question.choices = [
                    ("以名单为准", gettext("the list is right: change it")),
                    ("保持不变", gettext("leave it as registered")),
                ]

    @cached_property
    def _none(self) -> Choices:
        return [("无", gettext("none of these: register without it"))]

    @cached_property
    def _companies(self) -> Groups:
        return [("", [*self._none, *((company.name, company.label) for company in Company.objects.all())])]

    @cached_property
    def _districts(self) -> Groups:
        nodes = Division.objects.filter(level=Division.Level.DISTRICT, code__startswith=self._within).order_by("code")
        return [("", [(node.name, node.label) for node in nodes])]

    def _of_district(self, district: str) -> Groups:
        if district not in self._outlets:
            groups: dict[str, Choices] = {"": self._none}
            for outlet in Outlet.objects.filter(division__code__startswith=district).select_related("company"):
                groups.setdefault(outlet.company.label, []).append(
                    (f"{outlet.company.name} {outlet.name}", outlet.name)
                )
            self._outlets[district] = list(groups.items())
        return self._outlets[district]
