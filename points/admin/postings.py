"""The ledger to read, for every role alike; the only actions are to reverse a posting and, for the city, to allocate."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import ListLink, ReadOnlyAdmin, SparsePaginator, described_name
from core.errors import sentences
from core.typed import row_number
from points import funds, ledger, reversing
from points.admin.opening import opening_page
from points.admin.scoped import READERS, OnceForm, districts_seen, form_page, holds_a_district
from points.models import Account, EarningRule, Entry, Posting, Receipt, Redemption, Seal
from stations import access
from stations.admin.scoped import signed_in
from stations.models import Division, Duty

__all__ = ["EntryAdmin", "PostingAdmin", "SealAdmin"]


def _is_city(request: HttpRequest, *duties: str) -> bool:
    return access.scope_of(request.user, *duties).is_city


def _touches(request: HttpRequest, posting: str) -> Exists:
    """Whether the posting moved an account of a district in the reader's scope."""
    districts = list(districts_seen(request, *READERS).values_list("pk", flat=True))
    return Exists(Entry.objects.filter(posting=OuterRef(posting), account__division__in=districts))


def said_account(account: Account) -> str:
    """An account in words: what it is, and whose."""
    owners = (account.gift and account.gift.label, account.station and account.station.name,
              account.courier and account.courier.code, account.division and account.division.label)  # fmt: skip
    return " · ".join([str(account.get_kind_display()), *(str(owner) for owner in owners if owner)])


def _redemption_of(posting: Posting) -> SafeString:
    """A link to the redemption that a posting ordered or ended, where it can be cancelled or taken back."""
    found = Redemption.objects.filter(Q(ordered=posting) | Q(ended=posting)).first()
    if found is None:
        return SafeString()
    address = reverse("admin:points_redemption_change", args=[found.pk])
    return format_html(
        '<a href="{}">{}</a>', address, gettext("on the page of redemption {code}").format(code=found.code)
    )


class TakeBackForm(OnceForm):
    reason = forms.CharField(
        label=_("reason"), max_length=200, help_text=_("stays in the books: no names or phone numbers")
    )


class AllocateForm(OnceForm):
    district = forms.ModelChoiceField(label=_("district"), queryset=Division.objects.none())
    points = forms.IntegerField(label=_("points"), min_value=1, max_value=ledger.MOST)
    source = forms.CharField(label=_("document"), max_length=120)


@admin.display(description=_("number"), ordering="id")
def number(row: Posting | Entry) -> str:
    """Named as on the pages and papers of the books, where Django would head the column "ID"."""
    return str(row.pk)


def _may_take_back(request: HttpRequest, posting: Posting) -> bool:
    may = access.scope_of(request.user, Duty.MANAGE)
    return all(may.covers_division(code) for code in reversing.kept_by(posting))


@admin.register(Posting)
class PostingAdmin(ReadOnlyAdmin):
    menu_group = _("Points and gifts")
    menu_position = 510
    paginator = SparsePaginator
    list_hint = _("What moved points or gifts. It is read here, and nobody can change or delete it.")
    list_display = (number, "kind_in_words", "local_time", "done_by", "paper", "reason")
    list_filter = ("kind", "occurred_at")
    ordering = ("-id",)
    fields = (
        "kind", "local_time", "done_by", "approver_name", "paper", "reason", "reverses", "taken_back", "shown_entries"
    )  # fmt: skip
    readonly_fields = (*fields, "said_taken_back", "unit_price", "funding")
    search_fields = ("receipt__document_no",)
    search_help_text = _("the number of a posting, or the document no. of a delivery")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Posting]:
        rows: QuerySet[Posting] = super().get_queryset(request)
        return rows if _is_city(request, *READERS) else rows.filter(_touches(request, "pk"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) and holds_a_district(request, *READERS)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = list(self.fields)
        if obj is not None and not _may_take_back(request, obj):
            shown[shown.index("taken_back")] = "said_taken_back"
        if obj is not None and obj.kind == Posting.Kind.RECEIPT:
            shown[shown.index("reason") : shown.index("reason")] = ["unit_price", "funding"]
        return shown

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        """By the numbers of delivery documents only: they are few, while the postings would all have to be read one by one."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(pk__in=Receipt.objects.filter(document_no__icontains=term).values("pk"))
        number = row_number(term)
        return queryset.filter(found if number is None else found | Q(pk=number)), False

    def list_links(self, request: HttpRequest) -> list[ListLink]:
        links = [ListLink(_("Funds of the districts"), reverse("admin:points_fund_list"))]
        if holds_a_district(request, *READERS):
            links.append(ListLink(_("Monthly settlement"), reverse("admin:points_settlement")))
        if holds_a_district(request, Duty.MANAGE):
            links.append(ListLink(_("Balances from paper"), reverse("admin:points_opening")))
        return links

    @admin.display(description=_("kind"), ordering="kind")
    def kind_in_words(self, posting: Posting) -> str:
        return str(posting.get_kind_display())

    @admin.display(description=_("done by"))
    def done_by(self, posting: Posting) -> str:
        return described_name(posting.actor_name)

    @admin.display(description=_("document"))
    def paper(self, posting: Posting) -> str:
        """The document, or for an award by a rule, what it was for and the matter."""
        action, _colon, matter = posting.source.partition(":")
        labels = dict(EarningRule.Action.choices)
        return f"{labels[action]} {matter}" if matter and action in labels else posting.source or "—"

    @admin.display(description=_("price of one (CNY)"))
    def unit_price(self, posting: Posting) -> str:
        return str(posting.receipt.unit_price_cny)

    @admin.display(description=_("paid by"))
    def funding(self, posting: Posting) -> str:
        """Where the money came from, and for a donation, who gave it."""
        return " · ".join(filter(None, (posting.receipt.get_funding_display(), posting.receipt.donor)))

    @admin.display(description=_("when"), ordering="occurred_at")
    def local_time(self, posting: Posting) -> str:
        return f"{clock.to_local(posting.occurred_at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=_("taking back"))
    def taken_back(self, posting: Posting) -> SafeString | str:
        """By which posting it was, or the button, or where it is done."""
        if posting.kind not in reversing.TAKEN_BACK_HERE or hasattr(posting, "reversal"):
            return self.said_taken_back(posting)
        address = reverse("admin:points_posting_take_back", args=[posting.pk])
        return format_html('<a class="button" href="{}">{}</a>', address, gettext("Take back"))

    @admin.display(description=_("taking back"))
    def said_taken_back(self, posting: Posting) -> SafeString | str:
        """The same for those who may not take it back."""
        found = Posting.objects.filter(reverses=posting).first()
        if found is not None:
            address = reverse("admin:points_posting_change", args=[found.pk])
            return format_html('<a href="{}">{}</a>', address, gettext("by posting {number}").format(number=found.pk))
        return "—" if posting.kind in reversing.TAKEN_BACK_HERE else _redemption_of(posting) or "—"

    @admin.display(description=_("entries"))
    def shown_entries(self, posting: Posting) -> SafeString:
        entries = posting.entries.select_related(
            "account__gift", "account__station", "account__courier", "account__division"
        )
        lines = (
            (said_account(entry.account), f"{entry.amount:+d}", _said_after(entry))
            for entry in entries.order_by("amount", "id")
        )
        return format_html('<ul class="keys">{}</ul>', format_html_join("", "<li>{}：<b>{}</b>{}</li>", lines))

    # ── Taking back, and funds ──────────────────────────────────────────────────────────────────────────────────────

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("funds/", view(self.fund_page), name="points_fund_list"),
            path("funds/allocate/", view(self.allocate_page), name="points_fund_allocate"),
            path("openings/", view(partial(opening_page, admin=self)), name="points_opening"),
            path("<int:posting_id>/take-back/", view(self.take_back_page), name="points_posting_take_back"),
            *super().get_urls(),
        ]

    def take_back_page(self, request: HttpRequest, posting_id: int) -> HttpResponse:
        posting: Posting | None = self.get_queryset(request).filter(pk=posting_id).first()
        if posting is None:
            raise Http404
        back = reverse("admin:points_posting_change", args=[posting.pk])
        if not _may_take_back(request, posting):
            raise PermissionDenied
        if posting.kind not in reversing.TAKEN_BACK_HERE:
            way_out = gettext("A gift is taken back on the page of its redemption, which its posting leads to.")
            self.message_user(
                request, sentences(gettext("A posting of this kind is not taken back here."), way_out), messages.ERROR
            )
            return HttpResponseRedirect(back)

        def do(said: dict[str, Any]) -> str:
            posted = reversing.take_back(posting=posting, **said, actor=signed_in(request), at=clock.now())
            return gettext("Taken back by posting {number}.").format(number=posted.posting_id)

        context = {
            "title": gettext("Take back: {kind} {number}").format(kind=posting.get_kind_display(), number=posting.pk),
            "hint": gettext(
                "A second posting, equal and opposite, takes it back. Both stay in the books. What was spent or handed out"
                " since cannot be taken back until as much is there again."
            ),
            "shown": self.shown_entries(posting),
            "button": gettext("Take back"),
            "back": back,
            "back_name": f"{posting.get_kind_display()} {posting.pk}",
        }
        return form_page(
            request, TakeBackForm(request.POST or None, initial=OnceForm.fresh()), do, opts=self.opts, context=context
        )

    def fund_page(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        districts = districts_seen(request, *READERS)
        accounts = Account.objects.filter(division__in=districts)
        issued = dict(
            Entry.objects.filter(account__in=accounts.filter(kind=Account.Kind.ISSUED))
            .order_by()
            .values_list("account__division")
            .annotate(total=-Sum("amount"))
        )
        left = dict(accounts.filter(kind=Account.Kind.FUND).values_list("division", "balance"))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Funds of the districts"),
            "subtitle": None,
            "funds": [
                {
                    "district": district.label,
                    "allocated": issued.get(district.pk, 0),
                    "spent": issued.get(district.pk, 0) - left.get(district.pk, 0),
                    "left": left.get(district.pk, 0),
                }
                for district in districts
            ],
            "may_allocate": _is_city(request, Duty.MANAGE),
            "back": reverse("admin:points_posting_changelist"),
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/points/funds.html", context)

    def allocate_page(self, request: HttpRequest) -> HttpResponse:
        if not _is_city(request, Duty.MANAGE):
            raise PermissionDenied
        form = AllocateForm(request.POST or None, initial=OnceForm.fresh())
        form.fields["district"].queryset = districts_seen(request, Duty.MANAGE)  # type: ignore[attr-defined]

        def do(said: dict[str, Any]) -> str:
            posted = funds.allocate(**said, actor=signed_in(request), at=clock.now())
            return gettext("{district} has {number} points in its fund now.").format(
                district=said["district"].label, number=posted.balances[ledger.fund(said["district"].code)]
            )

        context = {
            "title": gettext("Allocate points"),
            "hint": gettext("The city gives a district points to pay its couriers with. Name the paper that says so."),
            "button": gettext("Allocate"),
            "back": reverse("admin:points_fund_list"),
            "back_name": gettext("Funds of the districts"),
        }
        return form_page(request, form, do, opts=self.opts, context=context)


def _said_after(entry: Entry) -> str:
    if entry.balance_after is None:
        return ""
    return gettext(" (then {number})").format(number=entry.balance_after)


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    menu_group = _("Points and gifts")
    menu_position = 520
    paginator = SparsePaginator
    list_hint = _("Line by line what postings moved. It is read here, and nobody can change or delete it.")
    list_display = (number, "posting_in_words", "account_in_words", "amount", "balance_after")
    list_select_related = (
        "posting", "account__gift", "account__station", "account__courier", "account__division"
    )  # fmt: skip
    ordering = ("-id",)
    fields = ("posting_in_words", "account_in_words", "amount", "seq", "balance_after")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        rows: QuerySet[Entry] = super().get_queryset(request)
        return rows if _is_city(request, *READERS) else rows.filter(_touches(request, "posting"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) and holds_a_district(request, *READERS)

    @admin.display(description=_("posting"))
    def posting_in_words(self, entry: Entry) -> SafeString:
        address = reverse("admin:points_posting_change", args=[entry.posting_id])
        return format_html('<a href="{}">{} {}</a>', address, entry.posting.get_kind_display(), entry.posting_id)

    @admin.display(description=_("account"))
    def account_in_words(self, entry: Entry) -> str:
        return said_account(entry.account)


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    menu_group = _("Points and gifts")
    menu_position = 530
    list_hint = _("What was posted is signed, each seal over the one before.")
    list_display = ("number", "postings", "sealed_at", "digest")
    ordering = ("-number",)
    fields = ("number", "postings", "sealed_at", "digest")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Seal]:
        rows: QuerySet[Seal] = super().get_queryset(request)
        return rows if _is_city(request, *READERS) else rows.none()
