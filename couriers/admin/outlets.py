"""Brands, outlets 网点 with their instructors, and party organisations."""

from itertools import pairwise
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin import AuditedAdmin, OwnRowsFormSet
from couriers.admin.scoped import COURIERS, BrandFilter, InDivisionAdmin
from couriers.credit_codes import read_credit_code
from couriers.models import Company, Instructor, Outlet, PartyOrganisation
from stations.admin.filters import DistrictFilter

__all__ = ["CompanyAdmin", "OutletAdmin", "PartyOrganisationAdmin"]

MADE_UP = "[演示]"


class CompanyForm(forms.ModelForm[Company]):
    class Meta:
        model = Company
        fields = ("name", "name_en", "credit_code")

    # As it is copied from a licence: small letters, spaces, full width. The validator checks its length.
    credit_code = forms.CharField(
        label=_("unified social credit code"),
        required=False,
        max_length=40,
        help_text=_("18 symbols, as on the business licence"),
    )

    def clean_credit_code(self) -> str:
        return read_credit_code(self.cleaned_data["credit_code"])


@admin.register(Company)
class CompanyAdmin(AuditedAdmin):
    """The whole city has one list of brands."""

    audit_type = "company"
    menu_group = COURIERS
    menu_position = 230
    list_hint = _("The brands couriers ride for. All districts share the list, so the city keeps it.")
    form = CompanyForm
    list_display = ("name", "name_en", "credit_code")
    search_fields = ("name", "name_en", "credit_code__exact")
    ordering = ("name",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


class InstructorForm(forms.ModelForm[Instructor]):
    class Meta:
        model = Instructor
        fields = ("name", "starts_on", "ends_on")

    def _get_validation_exclusions(self) -> set[str]:
        """Whether two assignments overlap is checked for all rows of the page together, since one may end in the same save."""
        return {*super()._get_validation_exclusions(), "outlet"}  # type: ignore[misc]


class InstructorFormSet(OwnRowsFormSet):
    def clean(self) -> None:
        super().clean()
        terms = sorted(
            (form.cleaned_data["starts_on"], form.cleaned_data.get("ends_on"))
            for form in self.forms
            if getattr(form, "cleaned_data", {}).get("starts_on")
        )
        for (_starts, ends), (next_starts, _ends) in pairwise(terms):
            if ends is None or next_starts <= ends:
                raise ValidationError(
                    gettext("An outlet has one instructor at a time. End the other assignment first.")
                )


class InstructorInline(admin.TabularInline[Instructor, Outlet]):
    """Assignments are ended, never deleted."""

    model = Instructor
    form = InstructorForm
    formset = InstructorFormSet
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return request.user.has_perm("couriers.change_outlet")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return request.user.has_perm("couriers.change_outlet")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return request.user.has_perm("couriers.view_outlet")


class MadeUpForm(forms.ModelForm[Any]):
    """A row of the demo keeps its mark: the database refuses a name without it."""

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if self.instance.is_made_up and not name.startswith(MADE_UP):
            raise ValidationError(gettext("It is made up for the demo, so its name begins with [演示]."))
        return name


@admin.register(Outlet)
class OutletAdmin(InDivisionAdmin):
    audit_type = "outlet"
    menu_position = 210
    list_hint = _("The outlets of the brands, with how many people and party members; who they are is kept nowhere.")
    form = MadeUpForm
    list_display = ("name", "company", "division", "headcount", "party_members", "last_visited_on")
    list_filter = (BrandFilter, DistrictFilter)
    list_select_related = ("company", "division")
    search_fields = ("name",)
    ordering = ("division", "name", "pk")
    autocomplete_fields = ("division",)
    inlines = [InstructorInline]
    fieldsets = [
        (None, {"fields": ["company", "name", "division", "address"]}),
        (
            _("People"),
            {"fields": [("headcount", "is_headcount_approximate"), "party_members", "last_visited_on"]},
        ),
    ]


@admin.register(PartyOrganisation)
class PartyOrganisationAdmin(InDivisionAdmin):
    audit_type = "party-organisation"
    menu_position = 220
    list_hint = _("Branches, joint branches and committees, and the outlets that belong to them.")
    form = MadeUpForm
    list_display = ("name", "kind", "division", "contact")
    list_filter = ("kind", DistrictFilter)
    list_select_related = ("division",)
    search_fields = ("name",)
    ordering = ("division", "name")
    autocomplete_fields = ("division", "outlets")
    fields = ("kind", "name", "division", "contact", "outlets")

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = Outlet.objects.within(self.scope(request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The form shows the outlets of the scope; outlets elsewhere that belong to it stay with it."""
        seen: QuerySet[Outlet] = Outlet.objects.within(self.scope(request))
        others = list(form.instance.outlets.exclude(pk__in=seen)) if change else []
        super().save_related(request, form, formsets, change)
        form.instance.outlets.add(*others)
