"""期初余额: a page of a district's paper ledger is taken over, line by line, and signed by a second person."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from core import clock
from core.admin import ReadOnlyAdmin
from core.errors import DomainError, InvalidValue
from couriers import finding
from couriers.models import Courier
from points.admin.scoped import DistrictForm, OnceForm, districts_seen, form_page
from points.opening import DOCUMENT_LENGTH, open_balance
from stations.access import DutyMissing
from stations.admin.scoped import signed_in
from stations.models import Duty

__all__ = ["opening_page"]

MOST_LINES = 100
# A sheet shows thousands with a comma, and pastes it. The shortest beginning is whoever is meant: the comma is the points' then.
_LINE = re.compile(r"(?P<who>.*?\S)[\s,;:、]+(?P<points>\d{1,9}|\d{1,3}(?:,\d{3}){1,2})(?:分)?")


@dataclass(frozen=True, slots=True)
class Line:
    """One courier on the page, and his balance there."""

    number: int
    courier: Courier
    points: int


class OpeningForm(DistrictForm):
    document = forms.CharField(
        label=_("document"), max_length=DOCUMENT_LENGTH, help_text=_("which paper ledger, and its page")
    )
    lines = forms.CharField(
        label=_("couriers and points"), max_length=6_000,
        widget=forms.Textarea(attrs={"rows": 12, "cols": 40, "autocomplete": "off", "spellcheck": "false"}),
        help_text=_(
            "One courier a line: member code or mobile number, then the points. Two columns of a sheet can be pasted."
            " Couriers are registered or imported first."
        ),
    )  # fmt: skip
    field_order = ("district", "document", "lines", "second_name", "second_password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("second_name", "second_password"):
            self.fields[name].required = True

    # Outside a transaction: each phone that is looked up is counted, whatever becomes of the form.
    def clean_lines(self) -> list[Line]:
        texts = unicodedata.normalize("NFKC", self.cleaned_data["lines"]).splitlines()
        said = [(number, text.strip()) for number, text in enumerate(texts, 1) if text.strip()]
        if len(said) > MOST_LINES:
            raise ValidationError(gettext("At most {most} lines at once.").format(most=MOST_LINES))
        found: dict[int, Line] = {}
        errors: list[str] = []
        for number, text in said:
            try:
                line = self._line(number, text)
                if (before := found.setdefault(line.courier.pk, line)) is not line:
                    raise InvalidValue(
                        "lines", gettext("This courier stands in line {number} already.").format(number=before.number)
                    )
            except DomainError as refusal:
                errors.append(_at_line(number, refusal))
        if errors:
            raise ValidationError(errors)
        # By number, so that two pages at once do not deadlock.
        return sorted(found.values(), key=lambda line: line.courier.pk)

    def _line(self, number: int, text: str) -> Line:
        """Raises: DomainError."""
        match = _LINE.fullmatch(text)
        if match is None:
            raise InvalidValue("lines", gettext("Write a member code or a mobile number, a blank, and the points."))
        try:
            courier = finding.by_code_or_phone(match["who"], actor=signed_in(self.request), at=clock.now())
        except InvalidValue as refusal:
            raise InvalidValue(
                "lines", gettext("“{who}” is neither a member code nor a mobile number.").format(who=match["who"][:30])
            ) from refusal
        return Line(number, courier, int(match["points"].replace(",", "")))


def _at_line(number: int, refusal: DomainError) -> str:
    said = refusal.detail if isinstance(refusal, InvalidValue) else refusal
    return gettext("Line {number}: {why}").format(number=number, why=said)


def _open(said: dict[str, Any], request: HttpRequest) -> str:
    """All lines or none.   Raises: ValidationError with each line that cannot be; what `open_balance` does for the whole page."""
    taken, errors = [], []
    for line in said["lines"]:
        try:
            posted = open_balance(
                courier=line.courier, points=line.points, district=said["district"], document=said["document"],
                actor=signed_in(request), approver=said["approver"], at=clock.now(),
            )  # fmt: skip
        except DutyMissing:
            raise
        except DomainError as refusal:
            errors.append(_at_line(line.number, refusal))
            continue
        if posted.is_new:
            taken.append(line.points)
    if errors:
        # All of them, since the second person signs anew each time.
        raise ValidationError({"lines": errors})
    lines, points = len(taken), sum(taken)
    told = ngettext(
        "{lines} balance taken over, {points} points.", "{lines} balances taken over, {points} points.", lines
    )
    return told.format(lines=lines, points=points)


@sensitive_post_parameters("second_password", "lines")
def opening_page(request: HttpRequest, *, admin: ReadOnlyAdmin) -> HttpResponse:
    """The form; on POST all its lines are taken over, or none."""
    districts = districts_seen(request, Duty.MANAGE)
    if not districts.exists():
        raise PermissionDenied
    form = OpeningForm(request.POST or None, request=request, districts=districts, initial=OnceForm.fresh())
    context = {
        "title": gettext("Take over balances from paper"),
        "hint": gettext(
            "Once for each courier and district, by two who keep the district. What was wrong is taken back at its posting,"
            " and then entered anew."
        ),
        "button": gettext("Enter these balances"),
        "back": f"{reverse('admin:points_posting_changelist')}?kind__exact=opening",
        "back_name": admin.opts.verbose_name_plural,
    }
    return form_page(request, form, lambda said: _open(said, request), opts=admin.opts, context=context)
