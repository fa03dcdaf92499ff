"""The matrix: who asks, through which door, for whose row. Generated from the registered admins, the models' relations and
the table of addresses; nothing here is listed by hand that Django can list."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db import models
from django.db.models import Model
from django.urls import reverse

from stations.models import Division
from tests.access.asking import Ask
from tests.access.table import ROWS, missing_key
from tests.access.world import DIVISIONS, OUR_MODELS, STATIONS, World

__all__ = ["Case", "admin_cases", "asks_about", "asks_at", "autocomplete_cases", "row_cases"]


@dataclass(frozen=True)
class Case:
    """One question, and the same about a row that does not exist; without the latter if it is about no row in particular."""

    door: str
    asked: Ask
    missing: Ask | None = None
    is_own: bool = False
    may_change_own: bool = False


def _address(model: type[Model], door: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{door}", args=args)


# ── Pages of the registered admins ──────────────────────────────────────────────────────────────────────────────────


# What the buttons on our pages send.
_PRESSED = {"post": "yes", "_save": "1", "name": "x", "decision": "all", "seen_version": "1"}


def page_asks(model: type[Model], key: str) -> Iterator[tuple[str, Ask]]:
    """The pages of the row `key`, read and posted to."""
    name = model._meta.label_lower
    for door in ("change", "history", "delete"):
        path = _address(model, door, quote(key))
        yield f"GET {name} {door}", Ask("get", path, about=(key,))
        yield f"POST {name} {door}", Ask("post", path, data=_PRESSED, about=(key,))
    change = _address(model, "change", quote(key))
    yield f"GET {name} bare", Ask("get", change.removesuffix("change/"), about=(key,))
    yield f"GET {name} popup", Ask("get", f"{change}?_popup=1&_to_field={model._meta.pk.name}", about=(key,))
    refusing = {"decision": "refuse", "reason": "x", "seen_version": "1"}
    yield f"POST {name} refuse", Ask("post", change, data=refusing, about=(key,))
    yield f"POST {name} save as new", Ask("post", change, data=_PRESSED | {"_saveasnew": "1"}, about=(key,))


def list_asks(model: type[Model], key: str) -> Iterator[tuple[str, Ask]]:
    """The list, asked for the row `key`: by its own key, by search, by actions."""
    name, listed, pk = model._meta.label_lower, _address(model, "changelist"), model._meta.pk.name
    for lookup in (f"{pk}__exact", f"{pk}__in", "pk", "q"):
        yield f"GET {name} list ?{lookup}", Ask("get", f"{listed}?{lookup}={key}", about=(key,))
    for action in actions(model):
        data = {"action": action, "_selected_action": [key], "reason": "x", "post": "yes"}
        yield f"POST {name} action {action}", Ask("post", listed, data=data, about=(key,))
    form = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", f"form-0-{pk}": key, "_save": "1"}
    yield f"POST {name} list form", Ask("post", listed, data=form, about=(key,))


def relation_asks(model: type[Model], row: Any | None) -> Iterator[tuple[str, Ask]]:
    """The list of `model`, filtered by what its rows belong to: through each relation, by key and by words."""
    name, listed = model._meta.label_lower, _address(model, "changelist")
    for column in relations(model):
        like = str(getattr(row, column.attname)) if row is not None else ""
        key = like if row is not None and like != "None" else ""
        if row is not None and not key:
            continue
        key = key or missing_key(column.related_model, "0" * 7 if column.related_model is not Division else "420199999")
        for lookup in (f"{column.name}__exact", f"{column.name}__{column.related_model._meta.pk.name}__in"):
            yield f"GET {name} list ?{lookup}", Ask("get", f"{listed}?{lookup}={key}", about=(key,))


def filter_asks(model: type[Model]) -> Iterator[tuple[str, Ask]]:
    """The list with each of its filters, orders and views that need no foreign key."""
    name, listed = model._meta.label_lower, _address(model, "changelist")
    options = admin.site._registry[model]
    queries = ["", "q=zq", "q=WH-QK", "q=4201", "o=-1", "o=2", "all=", "p=2", "_facets=True", "_popup=1", "e=1"]
    for each in options.list_filter:
        offered: Any = each[0] if isinstance(each, tuple) else each
        if isinstance(offered, str):
            column = model._meta.get_field(offered.split("__")[0])
            choices = [choice for choice, _label in getattr(column, "choices", None) or [("1", ""), ("0", "")]]
            queries += [f"{offered}__exact={choice}" for choice in choices]
        else:
            values = [*DIVISIONS.values(), *(code for code, _d, _s in STATIONS.values()), "doubted", "draft", "open"]
            queries += [f"{offered.parameter_name}={value}" for value in values]
    if options.date_hierarchy:
        queries.append(f"{options.date_hierarchy}__year=2026")
    for query in queries:
        yield f"GET {name} list ?{query}", Ask("get", f"{listed}?{query}", about=tuple(query.split("=")[-1:]))
    # All rows of the list, which must not include foreign ones.
    for action in actions(model):
        data = {"action": action, "select_across": "1", "_selected_action": ["7999999"], "reason": "x"}
        yield f"POST {name} action {action} on all", Ask("post", listed, data=data)


def actions(model: type[Model]) -> list[str]:
    """The names of all actions, whoever may use them."""
    options: Any = admin.site._registry[model]
    return [name for _action, name, _label in options._get_base_actions()]


def relations(model: type[Model]) -> list[Any]:
    return [column for column in model._meta.concrete_fields if isinstance(column, models.ForeignKey)]


def asks_about(model: type[Model], row: Any) -> Iterator[Case]:
    """Every question about one row, each with its twin about a missing row."""
    key, missing = str(row.pk), missing_key(model, str(row.pk))
    for asks in (page_asks, list_asks):
        for (door, asked), (_door, nothing) in zip(asks(model, key), asks(model, missing), strict=True):
            yield Case(door, asked, nothing)
    twins = dict(relation_asks(model, None))
    for door, asked in relation_asks(model, row):
        yield Case(door, asked, twins[door])


def admin_cases(world: World, account: str, model: type[Model]) -> Iterator[Case]:
    """Everything that the admin of `model` can be asked by `account`: about what is foreign, and about no row in particular."""
    own = world.own(account, model)
    for row in world.foreign(account, model):
        for case in asks_about(model, row):
            # If the search also matches rows of one's own by a part of their code, finding them is right.
            if case.door.endswith("?q") and any(str(each.pk).startswith(str(row.pk)) for each in own):
                continue
            yield case
    for door, asked in filter_asks(model):
        yield Case(door, asked, may_change_own=door.endswith(" on all"))
    name = model._meta.label_lower
    for row in own:
        for door in ("change", "history"):
            path = _address(model, door, quote(str(row.pk)))
            yield Case(f"GET own {name} {door}", Ask("get", path), is_own=True)


# ── Addresses of our own ────────────────────────────────────────────────────────────────────────────────────────────


def foreign_here(world: World, account: str, pattern: str) -> list[Any]:
    """The rows to which `pattern` must not lead `account`: on a page for everybody, the drafts of other offices."""
    row = ROWS[pattern]
    if row.of is None:
        return []
    foreign = world.foreign(account, row.of, but_above=row.shows_above)
    return foreign if row.kind == "scoped" else [each for each in foreign if getattr(each, "status", "") == "draft"]


def row_cases(world: World, account: str, pattern: str) -> Iterator[Case]:
    """Everything that can be asked at a URL of the table."""
    row = ROWS[pattern]
    if row.of is None:
        for door, asked in row.asks(pattern, ""):
            yield Case(door, asked)
        return
    for foreign in foreign_here(world, account, pattern):
        yield from asks_at(pattern, foreign)


def asks_at(pattern: str, found: Any) -> Iterator[Case]:
    """Every question at a URL about one row, each with its twin about a missing row."""
    row = ROWS[pattern]
    assert row.of is not None
    key = row.key(found)
    twins = row.asks(pattern, missing_key(row.of, key))
    for (door, asked), (_door, nothing) in zip(row.asks(pattern, key), twins, strict=True):
        yield Case(door, asked, nothing, may_change_own=row.leaves_a_trace)


# ── Autocompletes ───────────────────────────────────────────────────────────────────────────────────────────────────

TERMS = ("", "zq", "WH-QK", "4201", "77")


def autocomplete_cases() -> Iterator[Case]:
    """Every relation of every model of ours, whether a form asks for it or not."""
    for model in OUR_MODELS:
        named = [*relations(model), *model._meta.many_to_many]
        for column in named:
            for term in TERMS:
                asked = {
                    "app_label": model._meta.app_label,
                    "model_name": str(model._meta.model_name),
                    "field_name": column.name,
                    "term": term,
                }
                door = f"GET autocomplete {model._meta.label_lower}.{column.name}"
                yield Case(door, Ask("get", reverse("admin:autocomplete"), data=asked, about=(term,) if term else ()))
