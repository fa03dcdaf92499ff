"""What is posted from the public pages, read and checked."""

from collections.abc import Iterable
from typing import Any, TypeVar

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.errors import InvalidValue
from core.images import CleanPhoto, PhotoRefused, clean_photo
from stations.geo import Crs, Point, PositionUnreadable, parse_position, to_wgs84
from stations.models import Amenity, Confirmation
from stations.models.visits import MAX_PHOTOS
from stations.visiting import Answers

__all__ = ["ConfirmationForm", "SatisfactionForm", "VisitForm", "read_form"]


class ConfirmationForm(forms.Form):
    """What somebody found at a station, and where the phone says it is (WGS-84), if it says so."""

    outcome = forms.ChoiceField(
        choices=Confirmation.Outcome.choices,
        error_messages={
            "invalid_choice": _("Tap one of the four buttons."),
            "required": _("Tap one of the four buttons."),
        },
    )
    lat = forms.FloatField(min_value=-90, max_value=90, required=False)
    lng = forms.FloatField(min_value=-180, max_value=180, required=False)
    accuracy_m = forms.FloatField(min_value=0, required=False)

    @property
    def position(self) -> Point | None:
        latitude, longitude = self.cleaned_data["lat"], self.cleaned_data["lng"]
        return None if latitude is None or longitude is None else Point(latitude, longitude)


class SatisfactionForm(forms.Form):
    """Whether somebody who rested was satisfied."""

    satisfied = forms.ChoiceField(
        choices=[("yes", "yes"), ("no", "no")],
        error_messages={
            "invalid_choice": _("Tap one of the two buttons."),
            "required": _("Tap one of the two buttons."),
        },
    )


PHOTO_FIELDS = tuple(f"photo_{number}" for number in range(1, MAX_PHOTOS + 1))


class VisitForm(forms.Form):
    """The report of somebody who came to a station's door through a link. The phone's own position is WGS-84."""

    outcome = forms.ChoiceField(
        choices=Confirmation.Outcome.choices,
        error_messages={
            "invalid_choice": _("Choose what you found at the door."),
            "required": _("Choose what you found at the door."),
        },
    )
    # Beyond 85 degrees there is no Mercator map, and no courier.
    lat = forms.FloatField(min_value=-85, max_value=85, required=False)
    lng = forms.FloatField(min_value=-180, max_value=180, required=False)
    accuracy_m = forms.FloatField(min_value=0, max_value=100_000, required=False)
    place = forms.CharField(max_length=2_000, required=False)
    hours = forms.CharField(max_length=200, required=False)
    amenities = forms.MultipleChoiceField(required=False)
    note = forms.CharField(max_length=300, required=False)

    def __init__(self, *args: Any, amenities: Iterable[Amenity], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amenities"].choices = [(amenity.code, amenity.label) for amenity in amenities]  # type: ignore[attr-defined]
        for name in PHOTO_FIELDS:
            self.fields[name] = forms.FileField(
                required=False, error_messages={"empty": _("The file is empty. Choose another one.")}
            )
        self.photos: list[CleanPhoto] = []

    def clean_place(self) -> tuple[Point, Crs] | None:
        """The pasted position in WGS-84, and the datum it was given in."""
        text = self.cleaned_data["place"]
        if not text:
            return None
        try:
            found = parse_position(text)
        except PositionUnreadable as refusal:
            raise forms.ValidationError(str(refusal.detail)) from refusal
        if found is None or found.crs is None:
            # Two bare numbers do not say which map they come from, and the person at the door does not know it either.
            raise forms.ValidationError(_("Paste a share link of 高德, 腾讯 or 百度 whole, or leave this empty."))
        return to_wgs84(found.point, found.crs), found.crs

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in PHOTO_FIELDS:
            if file := cleaned.get(name):
                try:
                    self.photos.append(clean_photo(file))
                except PhotoRefused as refusal:
                    self.add_error(name, str(refusal.detail))
        if {"lat", "lng", "accuracy_m"} & set(self.errors):
            self.add_error("place", _("The phone gave no usable position. Locate again, or paste a share link."))
        return cleaned

    @property
    def answers(self) -> Answers:
        cleaned = self.cleaned_data
        position, crs, accuracy_m = None, Crs.WGS84, cleaned["accuracy_m"]
        if cleaned["place"] is not None:
            (position, crs), accuracy_m = cleaned["place"], None
        elif cleaned["lat"] is not None and cleaned["lng"] is not None:
            position = Point(cleaned["lat"], cleaned["lng"])
        return Answers(
            outcome=cleaned["outcome"],
            position=position,
            crs=crs,
            accuracy_m=None if accuracy_m is None else round(accuracy_m),
            hours_text=cleaned["hours"],
            amenities=cleaned["amenities"],
            note=cleaned["note"],
            photos=self.photos,
        )


Form = TypeVar("Form", bound=forms.Form)


def read_form(kind: type[Form], request: HttpRequest) -> Form:
    """The posted form, valid.   Raises: InvalidValue with the first field that is invalid."""
    form = kind(request.POST)
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        value: Any = request.POST.get(name, "")
        # A text that the database cannot hold cannot be printed either.
        raise InvalidValue(name, str(errors[0]), value=value.encode("utf-8", "replace").decode().replace("\x00", "?"))
    return form
