"""What the admin of points is cut to: the districts that lie whole in the scope of who looks."""

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from core.errors import DomainError, NotFound
from stations import access
from stations.access import Need
from stations.models import Division, Duty
from stations.querysets import DivisionQuerySet

__all__ = ["OnceForm", "districts_seen", "form_page", "holds_a_district"]

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
    }
)


def districts_seen(request: HttpRequest, *duties: str) -> DivisionQuerySet:
    """The districts in the scope of who looks."""
    return access.scope_of(request.user, *duties).divisions().filter(level=Division.Level.DISTRICT).order_by("code")


def holds_a_district(request: HttpRequest, *duties: str) -> bool:
    """Whether a whole district lies in the scope of who looks. Asked for the menu of every page, so without a query."""
    prefixes = access.scope_of(request.user, *duties).prefixes
    return any(len(prefix) <= DISTRICT_CODE_LENGTH for prefix in prefixes)


class OnceForm(forms.Form):
    """A form that does one thing once: its number is made when the page is shown, so that a double tap is one posting."""

    op_id = forms.UUIDField(widget=forms.HiddenInput)

    @staticmethod
    def fresh() -> dict[str, uuid.UUID]:
        """A number that nothing was done under yet."""
        return {"op_id": uuid.uuid4()}


def form_page(
    request: HttpRequest, form: forms.Form, do: Callable[[dict[str, Any]], str], *, context: dict[str, Any]
) -> HttpResponse:
    """Show `form`, and on POST do it all or nothing; refusals stand above the form. `context` has the way back.

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
            form.add_error(None, str(refusal))
        except ValidationError as refusal:
            known = getattr(refusal, "error_dict", {})
            for name, errors in known.items() if known else [("__all__", refusal.error_list)]:
                form.add_error(name if name in form.fields else None, errors)
        else:
            context["say"](request, said)
            return HttpResponseRedirect(context["back"])
    return TemplateResponse(request, "admin/points/form.html", {**context, "form": form, "subtitle": None})
