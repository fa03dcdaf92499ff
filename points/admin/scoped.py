"""What the admin of points is limited to: the districts that are wholly in the reader's scope."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from core.admin import ReadOnlyAdmin
from core.errors import DomainError, NotFound
from couriers.forms import tell
from points.checking import READERS
from points.forms.once import OnceForm
from points.forms.presence import SecondPersonForm
from stations import access
from stations.access import Need
from stations.models import Division, Duty
from stations.querysets import DivisionQuerySet

__all__ = [
    "READERS",
    "DistrictForm",
    "OnceForm",
    "ReadHereAdmin",
    "districts_seen",
    "form_page",
    "holds_a_district",
    "reads_the_books",
]


access.permit(
    {
        "points.view_gift": Need(),
        "points.add_gift": Need((Duty.MANAGE,)),
        "points.change_gift": Need((Duty.MANAGE,)),
        "points.view_expiryrule": Need(),
        "points.view_posting": Need(READERS),
        "points.view_entry": Need(READERS),
        "points.view_seal": Need(READERS, city=True),
        "points.view_ledgercheck": Need(READERS),
        "points.view_earningrule": Need(),
        "points.add_earningrule": Need((Duty.MANAGE,), city=True),
        "points.view_awardlimit": Need(),
        "points.add_awardlimit": Need((Duty.MANAGE,), city=True),
        "points.view_award": Need((*READERS, Duty.REVIEW)),
        "points.add_award": Need((Duty.REVIEW, Duty.MANAGE)),
        "points.view_redemption": Need(),
    }
)


class ReadHereAdmin(ReadOnlyAdmin):
    """A read-only table, with a page of its own for adding rows: no row is changed into another."""

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method == "POST":  # Django's own would make a new one out of it ("save as new")
            raise PermissionDenied
        return super().change_view(request, *args, **kwargs)


def districts_seen(request: HttpRequest, *duties: str) -> DivisionQuerySet:
    """The districts in the reader's scope."""
    return access.scope_of(request.user, *duties).divisions().filter(level=Division.Level.DISTRICT).order_by("code")


def holds_a_district(request: HttpRequest, *duties: str) -> bool:
    """Whether a whole district is in the reader's scope. Needed for the menu of every page, so without a query."""
    return access.scope_of(request.user, *duties).holds_a_district


def reads_the_books(request: HttpRequest, district: str) -> bool:
    """Whether the reader may read the ledger of a district.   No query."""
    return access.scope_of(request.user, *READERS).covers_division(district)


class DistrictForm(SecondPersonForm):
    """What is done in the name of a district; if it must be signed, then by somebody with one of the duties `signs` there."""

    district = forms.ModelChoiceField(label=_("district"), queryset=Division.objects.none())
    signs: ClassVar[tuple[str, ...]] = (Duty.MANAGE,)

    def __init__(self, *args: Any, districts: QuerySet[Division], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["district"]
        field.queryset = districts
        if len(districts) == 1:
            self.initial.setdefault("district", districts[0].pk)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        district = cleaned.get("district")
        if district is not None and not self.errors:
            cleaned["approver"] = self.signed_by(self.signs, lambda scope: scope.covers_division(str(district.code)))
        return cleaned


def form_page(
    request: HttpRequest, form: forms.Form, do: Callable[[dict[str, Any]], str], *, opts: Any, context: dict[str, Any]
) -> HttpResponse:
    """Show `form`, and on POST do it all or nothing; refusals are shown at their field or above the form.

    `do` returns the sentence to show on the page `context["then"]` if that is given, else on `context["back"]`.
    """
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                said = do(form.cleaned_data)
        except access.DutyMissing as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        except NotFound as refusal:
            raise Http404 from refusal
        except (DomainError, ValidationError) as refusal:
            tell(form, refusal)
        else:
            messages.success(request, said)
            return HttpResponseRedirect(context.get("then") or context["back"])
    template = context.get("template", "admin/points/form.html")
    common = {**admin.site.each_context(request), "opts": opts, "subtitle": None}
    return TemplateResponse(request, template, {**common, **context, "form": form})
