"""Of forms that a second person signs."""

from points.forms.presence import SecondPersonForm

__all__ = ["SecondPersonForm"]
