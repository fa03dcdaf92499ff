"""What people type and URLs bring, read within the bounds of what is possible, so that nothing beyond them causes a fault."""

import re
import unicodedata
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core import clock
from core.images import PhotoRefused, clean_photo

__all__ = ["ClockField", "DayField", "PhotoField", "posted", "row_number"]

_DIGITS = 18  # of a bigint, whatever they are
_SAID_TIME = re.compile(r"(?P<hour>\d{1,2})[点时](?:(?P<minute>\d{1,2})分?|(?P<half>半))?")
_OUR_TIME = _("Give a day from 2000 to 2100.")


class DayField(forms.DateField):
    """A day of our time: no calendar can calculate with the years 1 and 9999."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.validators += [
            MinValueValidator(clock.FIRST_DAY, message=_OUR_TIME),
            MaxValueValidator(clock.LAST_DAY, message=_OUR_TIME),
        ]


class ClockField(forms.TimeField):
    """A time of day, also with the colon of a Chinese keyboard and in its words: 17：30, 17点半, 9点."""

    def to_python(self, value: Any) -> Any:
        text = "".join(unicodedata.normalize("NFKC", value).split()) if isinstance(value, str) else value
        if isinstance(text, str) and (said := _SAID_TIME.fullmatch(text)):
            text = f"{said['hour']}:{'30' if said['half'] else said['minute'] or '00'}"
        return super().to_python(text)


class PhotoField(forms.FileField):
    """A photo, if one is chosen: the picture drawn anew."""

    widget = forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"})

    def to_python(self, data: Any) -> Any:
        file: Any = super().to_python(data)
        try:
            return None if file is None else clean_photo(file)
        except PhotoRefused as refusal:
            raise forms.ValidationError(str(refusal.detail)) from refusal


def posted(request: HttpRequest, name: str) -> str:
    """The text that a form sent under `name`, else an empty one. Without NUL, which no column can hold and nobody types."""
    return str(request.POST.get(name, "")).replace("\0", "")


def row_number(text: str) -> int | None:
    """The number of a row; None if it cannot be one."""
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None
