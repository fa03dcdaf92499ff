"""What the admins of this app have in common: rows belong to a division, and exist only for those whose scope includes it."""

from collections.abc import Callable, Collection
from typing import Any

from django.contrib import admin, messages
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin import AuditedAdmin
from couriers.models import Company, Courier
from stations import access
from stations.access import Need, Scope
from stations.models import Duty

__all__ = ["COURIERS", "BrandFilter", "InDivisionAdmin", "lead_on", "links_of"]

COURIERS = _("Couriers and outlets")
_LOOK, _MANAGE, _CITY = Need(), Need((Duty.MANAGE,)), Need((Duty.MANAGE,), city=True)

access.permit(
    {
        "couriers.view_company": _LOOK,
        "couriers.add_company": _CITY,
        "couriers.change_company": _CITY,
        "couriers.view_outlet": _LOOK,
        "couriers.add_outlet": _MANAGE,
        "couriers.change_outlet": _MANAGE,
        "couriers.view_partyorganisation": _LOOK,
        "couriers.add_partyorganisation": _MANAGE,
        "couriers.change_partyorganisation": _MANAGE,
        "couriers.view_courier": _LOOK,
        "couriers.add_courier": Need((Duty.COUNTER, Duty.REVIEW, Duty.MANAGE)),
        "couriers.change_courier": Need((Duty.REVIEW, Duty.MANAGE)),
    }
)


# An app above this one says which pages of its own belong to a courier.
_leads: list[tuple[str | Promise, Collection[str], Callable[[Courier], str]]] = []


def lead_on(label: str | Promise, duties: Collection[str], address: Callable[[Courier], str]) -> None:
    """Put a button on the page of every courier, for those with one of these duties; `address` is empty if there is nothing to do
    for him.
    """
    _leads.append((label, duties, address))


def links_of(courier: Courier, held: Collection[str]) -> list[tuple[str, str | Promise]]:
    """The buttons of other apps for a courier, for somebody who has these duties: URL and label."""
    leads = [(label, address) for label, duties, address in _leads if not set(held).isdisjoint(duties)]
    return [(found, label) for label, address in leads if (found := address(courier))]


class BrandFilter(admin.SimpleListFilter):
    title = _("brand")
    parameter_name = "brand"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(str(company.pk), company.label) for company in Company.objects.all()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        known = {value for value, _label in self.lookup_choices}
        return queryset.filter(company=self.value()) if self.value() in known else queryset


class InDivisionAdmin(AuditedAdmin):
    """An admin that knows no row outside the reader's divisions, and offers none in its forms."""

    menu_group = COURIERS
    change_duties: tuple[str, ...] = (Duty.MANAGE,)

    def scope(self, request: HttpRequest, *duties: str) -> Scope:
        return access.scope_of(request.user, *duties)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        return rows.within(self.scope(request))  # type: ignore[no-any-return]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        seen = super().has_view_permission(request, obj)
        return seen and (obj is None or self.scope(request).covers_division(str(obj.division_id)))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_change_permission(request, obj)
        return may and (obj is None or self.scope(request, *self.change_duties).covers_division(str(obj.division_id)))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "division":
            kwargs["queryset"] = self.scope(request, *self.change_duties).divisions()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """If two people save at once, the database refuses the second, who is told so and sees what the first has saved."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except IntegrityError as error:
            if f"{self.opts.app_label}_" not in str(error):
                raise
            self.message_user(
                request,
                gettext("Somebody else has saved changes in the meantime. Check them, then save again."),
                messages.ERROR,
            )
            return HttpResponseRedirect(request.path)
