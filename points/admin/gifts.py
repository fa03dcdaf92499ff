"""The gifts of a district: what they are, what they cost when, how many are in which cabinet, and which cabinets run low."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminDateWidget
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import AuditedAdmin, ListLink, name_in_trail
from core.typed import DayField, PhotoField
from points import gifts, low_stock, stock
from points.admin.scoped import OnceForm, districts_seen, form_page, holds_a_district
from points.forms.stock import STEPS, do_step
from points.models import Account, Gift, StockMark
from stations import access
from stations.admin.scoped import signed_in
from stations.models import Duty, Station

__all__ = ["GiftAdmin"]

KEEP = (Duty.MANAGE, Duty.COUNTER)
MOST_LOW = 500

name_in_trail(
    {
        "stock.marked": _("low-stock mark set"),
        "stock.low": _("gift runs low"),
        "mark": _("mark"),
        "photo": _("photo"),
        "name_en": _("name in English"),
    }
)


class GiftForm(forms.ModelForm[Gift]):
    new_photo = PhotoField(
        label=_("new photo"),
        required=False,
        help_text=_("of the gift, JPEG, PNG or WebP up to 8 MB; place and time written in the file are removed"),
    )
    remove_photo = forms.BooleanField(label=_("take the photo away"), required=False)

    class Meta:
        model = Gift
        fields = ("code", "division", "name", "name_en", "is_offered", "most_a_month")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.photo and "remove_photo" in self.fields:
            self.fields["remove_photo"].widget = forms.HiddenInput()


class PriceForm(forms.Form):
    points = forms.IntegerField(label=_("points"), min_value=1, max_value=1_000_000)
    valid_from = DayField(label=_("valid from"), widget=AdminDateWidget)


@admin.register(Gift)
class GiftAdmin(AuditedAdmin):
    audit_type = "gift"
    audits_itself = True
    form = GiftForm
    menu_group = _("Points and gifts")
    menu_position = 500
    list_hint = _("What couriers can spend points on, district by district.")
    list_display = ("__str__", "thumbnail", "code", "division", "price_today", "is_offered")
    list_filter = ("is_offered",)
    list_select_related = ("division",)
    search_fields = ("code", "name")
    ordering = ("code",)
    fieldsets = [
        (None, {"fields": ["code", "division", "name", "name_en", "is_offered", "most_a_month"]}),
        (_("Photo"), {"fields": ["present_photo", "new_photo", "remove_photo"]}),
        (_("Prices and stock"), {"fields": ["shown_prices", "price_steps", "shown_stock", "stock_steps"]}),
    ]

    def audit_code(self, obj: Any) -> str:
        return str(obj.code)

    # ── Scope ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def get_queryset(self, request: HttpRequest) -> Any:
        seen = super().get_queryset(request).filter(division__in=districts_seen(request))
        return seen.prefetch_related("prices")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) and holds_a_district(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and holds_a_district(request, Duty.MANAGE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (
            obj is None or access.scope_of(request.user, Duty.MANAGE).covers_division(str(obj.division_id))
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without the actions that the reader may not take."""
        if obj is None:
            closed = {"price_steps", "stock_steps"}
        else:
            closed = set() if self.has_change_permission(request, obj) else {"new_photo", "remove_photo", "price_steps"}
            if not access.scope_of(request.user, *KEEP).covers_division(str(obj.division_id)):
                closed.add("stock_steps")
        return [
            (title, {"fields": [name for name in said["fields"] if name not in closed]})
            for title, said in self.fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        shown = ("present_photo", "shown_prices", "price_steps", "shown_stock", "stock_steps")
        return ("code", "division", *shown) if obj else shown

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "division":
            kwargs["queryset"] = districts_seen(request, Duty.MANAGE)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    # ── The list and the page ───────────────────────────────────────────────────────────────────────────────────────

    @admin.display(description=_("price today"))
    def price_today(self, gift: Gift) -> int | None:
        today = clock.local_date(clock.now())
        for price in gift.prices.all():
            if price.valid_from <= today and (price.valid_through is None or price.valid_through >= today):
                return price.points
        return None

    @admin.display(description=_("prices"))
    def shown_prices(self, gift: Gift) -> SafeString | str:
        if gift.pk is None:
            return gettext("Save first, then set a price.")
        lines = (
            (
                gettext("{points} points from {day}").format(points=price.points, day=price.valid_from),
                gettext(" through {day}").format(day=price.valid_through) if price.valid_through else "",
            )
            for price in gift.prices.all()
        )
        return format_html('<ul class="keys">{}</ul>', format_html_join("", "<li>{}{}</li>", lines))

    @admin.display(description=_("what can be done"))
    def price_steps(self, gift: Gift) -> SafeString:
        return format_html(
            '<a class="button" href="{}">{}</a>',
            reverse("admin:points_gift_price", args=[gift.pk]),
            gettext("New price"),
        )

    @admin.display(description=_("what can be done"))
    def stock_steps(self, gift: Gift) -> SafeString:
        steps = (
            (reverse("admin:points_gift_stock", args=[gift.pk, step]), label)
            for step, (_form, label, _hint) in STEPS.items()
        )
        return format_html_join(" ", '<a class="button" href="{}">{}</a>', steps)

    @admin.display(description=_("photo"))
    def thumbnail(self, gift: Gift) -> SafeString | str:
        if not gift.photo:
            return "—"
        return format_html('<img class="gift-thumbnail" src="{}" alt="">', gift.photo_url)

    @admin.display(description=_("photo"))
    def present_photo(self, gift: Gift) -> SafeString | str:
        if not gift.photo:
            return gettext("None yet.")
        return format_html(
            '<img class="present-photo" src="{}" alt="{}">', gift.photo_url, gettext("The photo shown now")
        )

    @admin.display(description=_("stock"))
    def shown_stock(self, gift: Gift) -> SafeString | str:
        if gift.pk is None:
            return "—"
        held = {
            account.station: account for account in low_stock.with_marks().filter(gift=gift).select_related("station")
        }
        wanted = stock.wanted(gifts=[gift], at=clock.now())
        asked = {station: times for (_gift, station), times in wanted.items()}
        aside = dict(Account.objects.filter(kind=Account.Kind.RESERVE, gift=gift).values_list("station", "balance"))
        stations = {*held, *Station.objects.filter(pk__in=asked)}
        lines = []
        for station in sorted(filter(None, stations), key=lambda each: each.name):
            account = held.get(station)
            number, mark = (0, None) if account is None else (account.balance, account.mark)
            is_low = mark is not None and number < mark
            lines.append(
                (
                    station.name, number, aside.get(station.pk, 0) or "—", mark_in_words(mark), is_low_badge(is_low),
                    asked.get(station.pk, 0) or "—",
                )
            )  # fmt: skip
        usual = StockMark.objects.filter(gift=gift, station__isnull=True).values_list("pieces", flat=True).first()
        table = format_html(
            '<table class="stock"><thead><tr><th scope="col">{}</th><th scope="col">{}</th><th scope="col">{}</th>'
            '<th scope="col">{}</th><th scope="col">{}</th></tr></thead><tbody>{}</tbody></table>',
            gettext("station"), gettext("on hand"), gettext("besides, set aside for orders"), gettext("mark"),
            gettext("wanted in vain (30 days)"),
            format_html_join(
                "", '<tr><th scope="row">{}</th><td>{}</td><td>{}</td><td>{} {}</td><td>{}</td></tr>', lines
            ),
        )  # fmt: skip
        return format_html(
            '<div class="stock-of-gift">{}{}</div>',
            table if lines else gettext("No station has had any yet."),
            "" if usual is None else format_html(
                "<p>{}</p>", gettext("Where no other mark is set, it runs low below {number}.").format(number=usual)
            ),
        )  # fmt: skip

    def list_links(self, request: HttpRequest) -> list[ListLink]:
        low = low_here(request).aggregate(number=Count("pk"))["number"]
        return [ListLink(gettext("Running low ({number})").format(number=low), reverse("admin:points_gift_low"))]

    # ── Saving goes through the verbs ───────────────────────────────────────────────────────────────────────────────

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        said, by, at = form.cleaned_data, signed_in(request), clock.now()
        facts = {name: said[name] for name in ("name", "name_en", "is_offered", "most_a_month")}
        if change:
            gift = gifts.change(gift=obj, **facts, actor=by, at=at)
        else:
            gift = gifts.register(code=said["code"], district=said["division"], **facts, actor=by, at=at)
        # Last, since a file does not roll back with the rows.
        if said.get("new_photo"):
            gift = gifts.set_photo(gift=gift, photo=said["new_photo"], actor=by, at=at)
        elif said.get("remove_photo"):
            gift = gifts.remove_photo(gift=gift, actor=by, at=at)
        # The admin continues with its own object, which must equal the one that was saved.
        obj.__dict__.update(gift.__dict__)

    def construct_change_message(self, *_args: Any, **_kwargs: Any) -> list[Any]:
        """Empty: the verbs have written what changed, with before and after."""
        return []

    # ── Prices and stock ────────────────────────────────────────────────────────────────────────────────────────────

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("low/", view(self.low_page), name="points_gift_low"),
            path("<int:gift_id>/price/", view(self.price_page), name="points_gift_price"),
            path("<int:gift_id>/stock/<slug:step>/", view(self.stock_page), name="points_gift_stock"),
            *super().get_urls(),
        ]

    def low_page(self, request: HttpRequest) -> HttpResponse:
        """Every cabinet below its mark, the emptiest first, with how often the gift was asked for in vain."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        low = (
            low_here(request).select_related("gift__division", "station", "low").order_by("balance", "gift", "station")
        )
        rows = list(low[:MOST_LOW])
        asked = stock.wanted(gifts={account.gift for account in rows}, at=clock.now())
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Running low"),
            "subtitle": None,
            "rows": [(account, asked.get((account.gift_id, account.station_id), 0)) for account in rows],
            "may_keep": holds_a_district(request, *KEEP),
            "back": reverse("admin:points_gift_changelist"),
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/points/low.html", context)

    def _gift(self, request: HttpRequest, gift_id: int, *duties: str) -> Gift:
        gift: Gift | None = self.get_queryset(request).filter(pk=gift_id).first()
        if gift is None:
            raise Http404
        if not access.scope_of(request.user, *duties).covers_division(str(gift.division_id)):
            raise PermissionDenied
        return gift

    @staticmethod
    def _context(gift: Gift, label: str, hint: str) -> dict[str, Any]:
        return {
            "title": gettext("{what}: {gift}").format(what=label, gift=gift.label),
            "hint": hint,
            "button": label,
            "back": reverse("admin:points_gift_change", args=[gift.pk]),
            "back_name": gift.label,
        }

    def price_page(self, request: HttpRequest, gift_id: int) -> HttpResponse:
        gift = self._gift(request, gift_id, Duty.MANAGE)

        def do(said: dict[str, Any]) -> str:
            price = gifts.set_price(gift=gift, **said, actor=signed_in(request), at=clock.now())
            said_so = gettext("{gift} costs {points} points from {day} on.")
            if price.valid_through:
                said_so = gettext("{gift} costs {points} points from {day} through {last}; then another price begins.")
            return said_so.format(gift=gift.label, points=price.points, day=price.valid_from, last=price.valid_through)

        hint = gettext(
            "The price that runs ends the day before; one that begins on the same day gives way. What is ordered keeps its price."
        )
        form = PriceForm(request.POST or None)
        return form_page(request, form, do, opts=self.opts, context=self._context(gift, gettext("New price"), hint))

    def stock_page(self, request: HttpRequest, gift_id: int, step: str) -> HttpResponse:
        gift = self._gift(request, gift_id, *KEEP)
        if step not in STEPS:
            raise Http404
        kind, label, hint = STEPS[step]
        stations = access.scope_of(request.user, *KEEP).stations().filter(division__code__startswith=gift.division_id)
        # A page that proposes something links here with the form filled in.
        proposed = {name: request.GET[name] for name in kind.base_fields if name in request.GET}
        form = kind(request.POST or None, stations=stock.cabinets_first(stations), initial=proposed | OnceForm.fresh())

        def do(said: dict[str, Any]) -> str:
            return do_step(step, gift, {**said, "actor": signed_in(request), "at": clock.now()})

        return form_page(request, form, do, opts=self.opts, context=self._context(gift, str(label), str(hint)))


def low_here(request: HttpRequest, *duties: str) -> QuerySet[Any]:
    """The cabinets that run low in the reader's districts."""
    return low_stock.running_low().filter(division__in=districts_seen(request, *duties))


def mark_in_words(mark: int | None) -> str:
    return "—" if mark is None else str(mark)


def is_low_badge(is_low: bool) -> SafeString | str:
    return format_html('<span class="badge is-low">{}</span>', gettext("low")) if is_low else ""
