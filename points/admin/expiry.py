"""How long points are valid: set by the city, read by everybody."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import ListLink, ReadOnlyAdmin
from core.typed import DayField
from points import expiring
from points.admin.scoped import form_page
from points.models import ExpiryRule
from stations import access
from stations.admin.scoped import signed_in
from stations.models import Duty

__all__ = ["ExpiryRuleAdmin"]


class RuleForm(forms.Form):
    months = forms.IntegerField(
        label=_("good for so many months"), min_value=1, max_value=120, required=False,
        help_text=_("after the month in which they were earned; empty: nothing expires from then on"),
    )  # fmt: skip
    valid_from = DayField(label=_("valid from"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))


@admin.register(ExpiryRule)
class ExpiryRuleAdmin(ReadOnlyAdmin):
    menu_group = _("Points and gifts")
    menu_position = 540
    list_hint = _(
        "At the end of a month points expire that are older than the rule of that day says. No rule: none expire."
    )
    list_display = ("months", "valid_from", "valid_through")
    ordering = ("-valid_from",)
    fields = ("months", "valid_from", "valid_through")
    readonly_fields = fields

    def list_links(self, request: HttpRequest) -> list[ListLink]:
        if not access.scope_of(request.user, Duty.MANAGE).is_city:
            return []
        return [ListLink(_("Set the validity of points"), reverse("admin:points_expiryrule_set"))]

    def get_urls(self) -> list[URLPattern]:
        return [
            path("set/", self.admin_site.admin_view(self.set_page), name="points_expiryrule_set"),
            *super().get_urls(),
        ]

    def set_page(self, request: HttpRequest) -> HttpResponse:
        if not access.scope_of(request.user, Duty.MANAGE).is_city:
            raise PermissionDenied

        def do(said: dict[str, Any]) -> str:
            rule = expiring.set_rule(**said, actor=signed_in(request), at=clock.now())
            day = said["valid_from"].isoformat()
            if rule is None:
                return gettext("From {day} on nothing expires.").format(day=day)
            return ngettext(
                "From {day} on points are good for {number} month.",
                "From {day} on points are good for {number} months.",
                rule.months,
            ).format(day=day, number=rule.months)

        context = {
            "title": gettext("Set the validity of points"),
            "hint": gettext(
                "It counts for points earned before, too: tell couriers in time. The rule that runs on that day ends the day "
                "before. Without months, rules that begin on that day or later are taken back."
            ),
            "button": gettext("Set"),
            "back": reverse("admin:points_expiryrule_changelist"),
            "back_name": gettext("expiry rules"),
        }
        return form_page(request, RuleForm(request.POST or None), do, opts=self.opts, context=context)
