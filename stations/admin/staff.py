"""Who has which duties where: given and ended here by administrators."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import ForAdministrators
from stations import staffing
from stations.admin.scoped import signed_in
from stations.models import Duty, StaffRole

__all__ = ["StaffRoleAdmin"]


class StaffRoleForm(forms.ModelForm[StaffRole]):
    duties = forms.MultipleChoiceField(
        label=_("duties"), choices=Duty.choices, widget=forms.CheckboxSelectMultiple,
        help_text=_("Whoever manages a district manages its couriers, points and gifts too."),
    )  # fmt: skip

    class Meta:
        model = StaffRole
        fields = ("user", "division", "station", "duties")


@admin.register(StaffRole)
class StaffRoleAdmin(ForAdministrators):
    """A role is given and ended; to change one, end it and give another, so that the past stays true."""

    audit_type = "account"  # giving and ending are events of the account
    audits_itself = True
    menu_position = 915
    list_hint = _(
        "What an account may do, and where. To change a role, end it and give another, so that the past stays true."
    )
    form = StaffRoleForm
    list_display = ("user", "division", "station", "said_duties", "starts_at", "ends_at")
    list_select_related = ("user", "division", "station")
    list_filter = ("division__level",)
    search_fields = ("user__username", "division__code__startswith", "division__name", "station__code__exact")
    autocomplete_fields = ("user", "division", "station")
    actions = ["end"]

    def audit_code(self, obj: Any) -> str:
        return str(obj.user.username)[:64]

    @admin.display(description=_("duties"))
    def said_duties(self, role: StaffRole) -> str:
        return gettext(", ").join(str(Duty(duty).label) for duty in role.duties)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request)

    @admin.action(description=_("end these roles now"), permissions=["change"])
    def end(self, request: HttpRequest, queryset: QuerySet[StaffRole]) -> None:
        at = clock.now()
        for role in queryset:
            staffing.end(role=role, actor=signed_in(request), at=at)
        self.message_user(
            request,
            ngettext("{number} role ended.", "{number} roles ended.", len(queryset)).format(number=len(queryset)),
            messages.SUCCESS,
        )

    def save_model(self, request: HttpRequest, obj: StaffRole, form: Any, change: bool) -> None:  # noqa: ARG002
        role = staffing.grant(
            user=obj.user,
            duties=form.cleaned_data["duties"],
            division=obj.division,
            station=obj.station,
            actor=signed_in(request),
            at=clock.now(),
        )
        obj.__dict__.update(role.__dict__)
