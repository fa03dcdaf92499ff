"""Rows that hold from a day to a day, such as a price or a rule: there is only one on any day, and the database guarantees it.

Their columns are `valid_from` and `valid_through`, both days included; without the second the row holds until further notice.
"""

from datetime import date
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

__all__ = ["holds_on", "number_of", "one_on_a_day", "starts_before_it_ends"]


def holds_on(day: date) -> models.Q:
    """The condition that keeps the rows that hold on a day."""
    return models.Q(valid_from__lte=day) & (models.Q(valid_through__isnull=True) | models.Q(valid_through__gte=day))


def starts_before_it_ends() -> models.CheckConstraint:
    return models.CheckConstraint(
        name="%(app_label)s_%(class)s_starts_before_it_ends",
        condition=models.Q(valid_through__isnull=True) | models.Q(valid_through__gte=models.F("valid_from")),
        violation_error_message=_("The last day lies before the first."),
    )


def one_on_a_day(
    *,
    message: "str | StrPromise",
    of: str | models.Func = "",
    name: str = "%(app_label)s_%(class)s_one_on_a_day",
    condition: models.Q | None = None,
) -> ExclusionConstraint:
    """Only one row holds on any day for each value of `of`, the column of a number such as a foreign key.

    The embedded server has no contrib, so there is no btree_gist: the number is written as a range of one.
    """
    expressions: list[tuple[Any, str]] = [(_range("daterange", "valid_from", "valid_through"), "&&")]
    if of:
        expressions.insert(0, (_range("int8range", of, of), "&&"))
    return ExclusionConstraint(
        name=name, expressions=expressions, condition=condition, violation_error_message=message
    )  # fmt: skip


def number_of(text: str) -> models.Func:
    """The column of a text as a number. Two texts with the same number would exclude each other, so it is meant for a few
    known words.
    """
    return models.Func(models.F(text), function="hashtext", output_field=models.TextField())


def _range(function: str, lower: str | models.Func, upper: str | models.Func) -> models.Func:
    ends = [models.F(end) if isinstance(end, str) else end for end in (lower, upper)]
    return models.Func(*ends, models.Value("[]"), function=function, output_field=models.TextField())
