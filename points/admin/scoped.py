"""What the admin of points is cut to: the districts that lie whole in the scope of who looks."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.functional import Promise

from core.admin import ReadOnlyAdmin
from core.errors import DomainError, NotFound
from stations import access
from stations.access import Need
from stations.models import Division, Duty
from stations.querysets import DivisionQuerySet

__all__ = ["OnceForm", "ReadHereAdmin", "districts_seen", "form_page", "holds_a_district", "reads_the_books"]

DISTRICT_CODE_LENGTH = 6
_AUDIT = (Duty.AUDIT, Duty.MANAGE)

access.permit(
    {
        "points.view_gift": Need(),
        "points.add_gift": Need((Duty.MANAGE,)),
        "points.change_gift": Need((Duty.MANAGE,)),
        "points.view_expiryrule": Need(),
        "points.view_posting": Need(_AUDIT),
        "points.view_entry": Need(_AUDIT),
        "points.view_seal": Need(_AUDIT, city=True),
        "points.view_ledgercheck": Need(_AUDIT),
        "points.view_earningrule": Need(),
        "points.add_earningrule": Need((Duty.MANAGE,), city=True),
        "points.view_awardlimit": Need(),
        "points.add_awardlimit": Need((Duty.MANAGE,), city=True),
        "points.view_award": Need((*_AUDIT, Duty.REVIEW)),
        "points.add_award": Need((Duty.REVIEW, Duty.MANAGE)),
        "points.view_redemption": Need(),
    }
)


class ReadHereAdmin(ReadOnlyAdmin):
    """A table that is read, with a page of its own for making what is new: nothing becomes something else."""

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method == "POST":  # Django's own would make a new one out of it ("save as new")
            raise PermissionDenied
        return super().change_view(request, *args, **kwargs)


def districts_seen(request: HttpRequest, *duties: str) -> DivisionQuerySet:
    """The districts in the scope of who looks."""
    return access.scope_of(request.user, *duties).divisions().filter(level=Division.Level.DISTRICT).order_by("code")


def holds_a_district(request: HttpRequest, *duties: str) -> bool:
    """Whether a whole district lies in the scope of who looks. Asked for the menu of every page, so without a query."""
    prefixes = access.scope_of(request.user, *duties).prefixes
    return any(len(prefix) <= DISTRICT_CODE_LENGTH for prefix in prefixes)


def reads_the_books(request: HttpRequest, district: str) -> bool:
    """Whether who looks may read the ledger of a district.   No query."""
    return access.scope_of(request.user, *_AUDIT).covers_division(district)


class OnceForm(forms.Form):
    """A form that does one thing once: its number is made when the page is shown, so that a double tap is one posting."""

    op_id = forms.UUIDField(widget=forms.HiddenInput)
    # Beside which field a refusal stands that names none itself.
    said_at: ClassVar[Mapping[type[DomainError], str]] = {}
    # What is needed in rare cases is folded away under a line that says when.
    folded: ClassVar[tuple[str, ...]] = ()
    folded_label: ClassVar[str | Promise] = ""

    @property
    def plain_rows(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name not in self.folded]

    @property
    def folded_rows(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name in self.folded]

    @property
    def is_unfolded(self) -> bool:
        """Open where something in it was typed or is wrong."""
        return any(field.errors or field.value() for field in self.folded_rows)

    @staticmethod
    def fresh() -> dict[str, uuid.UUID]:
        """A number that nothing was done under yet."""
        return {"op_id": uuid.uuid4()}


def form_page(
    request: HttpRequest, form: forms.Form, do: Callable[[dict[str, Any]], str], *, context: dict[str, Any]
) -> HttpResponse:
    """Show `form`, and on POST do it all or nothing; refusals stand at their field or above the form. `context` has the way back.

    The answer of `do` is the sentence for `context["say"]`.
    """
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                said = do(form.cleaned_data)
        except access.DutyMissing as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        except NotFound as refusal:
            raise Http404 from refusal
        except DomainError as refusal:
            _tell(form, refusal)
        except ValidationError as refusal:
            known = getattr(refusal, "error_dict", {})
            for name, errors in known.items() if known else [("__all__", refusal.error_list)]:
                form.add_error(name if name in form.fields else None, errors)
        else:
            context["say"](request, said)
            return HttpResponseRedirect(context.get("then") or context["back"])
    template = context.get("template", "admin/points/form.html")
    return TemplateResponse(request, template, {**context, "form": form, "subtitle": None})


def _tell(form: forms.Form, refusal: DomainError) -> None:
    """Say in the form why not: at the field that the refusal names, or that the form has for its kind."""
    said_at = getattr(form, "said_at", {})
    name = getattr(refusal, "parameter", "") or next(
        (said_at[kind] for kind in said_at if isinstance(refusal, kind)), ""
    )
    if name in form.fields and not isinstance(form.fields[name].widget, forms.HiddenInput):
        form.add_error(name, str(refusal.detail if getattr(refusal, "parameter", "") else refusal))
    else:
        form.add_error(None, str(refusal))
