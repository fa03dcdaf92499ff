"""The admin's base classes, and the accounts."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.contrib.admin.widgets import AutocompleteMixin, AutocompleteSelect, AutocompleteSelectMultiple
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import Group
from django.core.exceptions import BadRequest, FieldDoesNotExist, PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Field, Model, QuerySet
from django.forms import BaseInlineFormSet, Media
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import translation
from django.utils.functional import Promise, cached_property
from django.utils.html import format_html, format_html_join
from django.utils.http import content_disposition_header
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import audit, clock
from core.models import AuditEvent, User
from core.typed import row_number

__all__ = [
    "COUNT_LIMIT",
    "NEW_ROWS_AT_ONCE",
    "XLSX",
    "AuditedAdmin",
    "BoundedPaginator",
    "ForAdministrators",
    "ListLink",
    "OwnRowsFormSet",
    "ReadOnlyAdmin",
    "SparsePaginator",
    "Told",
    "attachment",
    "described_actor",
    "described_changes",
    "described_kind",
    "described_matter",
    "described_name",
    "name_in_trail",
    "words_in_trail",
]

COUNT_LIMIT = 5_000
LAST_EVENTS = 5
NEW_ROWS_AT_ONCE = 50
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What filters of lists, and the links of our own pages to them, ask with.
_OFFERED_LOOKUPS = ("exact", "in", "gte", "lt", "isnull")
PEOPLE = _("Accounts and records")


def attachment(chunks: Iterable[bytes], *, name: str, content_type: str) -> StreamingHttpResponse:
    """A file to keep, sent as it is made."""
    disposition = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    return StreamingHttpResponse(
        chunks, content_type=content_type, headers={"Content-Disposition": disposition, "Cache-Control": "no-store"}
    )


class BoundedPaginator(Paginator[Any]):
    """Counts no further than 5,000: a list of a million rows is searched and filtered, not leafed through."""

    count_limit = COUNT_LIMIT

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[: self.count_limit].count()


class SparsePaginator(BoundedPaginator):
    """Counts less far, because rows of one part of the town are few and far between among all rows."""

    count_limit = 2_000


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event of the trail in words."""

    at: datetime
    actor: str
    kind: str
    what: SafeString


@dataclass(frozen=True, slots=True)
class ListLink:
    """A button above a list."""

    label: str | Promise
    url: str


class OwnRowsFormSet(BaseInlineFormSet[Any, Any, Any]):
    """The rows below an object: looked for only among its own, plus as many new ones as somebody types.

    Django's formset accepts the key of any row of the table and drops a foreign one later, which reveals which keys exist.
    It also renders two thousand rows for anybody who merely claims to send them, which keeps a server busy for a minute.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound:
            self.absolute_max = len(self.get_queryset()) + NEW_ROWS_AT_ONCE

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields[form._meta.model._meta.pk.name].queryset = self.get_queryset()


class _ShowsKeysAlone(AutocompleteMixin):
    """A search field whose accessible name is its label, and which is shown again, with nothing chosen, if what was sent is
    not a key.

    Django's field asks the table for whatever was sent, which PostgreSQL refuses; the error at the field was never seen.
    """

    @property
    def media(self) -> Media:
        return super().media + Media(js=["admin/js/autocomplete.js", "admin-skin/search-fields.js"])

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> Any:
        key = self.choices.queryset.model._meta.pk
        return super().optgroups(name, [text for text in value if _can_be(key, text)], attr)


class _Search(_ShowsKeysAlone, AutocompleteSelect):
    pass


class _SearchForSeveral(_ShowsKeysAlone, AutocompleteSelectMultiple):
    pass


def _can_be(key: Field[Any, Any], text: str) -> bool:
    try:
        key.clean(text, None)
    except ValidationError:
        return False
    return "\0" not in text


class AuditedAdmin(admin.ModelAdmin[Any]):
    """An admin whose history is the audit trail, and that gives the same answer for a row outside the scope and a missing one.

    Django's own LogEntry can be deleted and is not written by bulk changes, so it is neither written nor shown. A subclass
    whose verbs audit by themselves sets `audits_itself`; for all others each save writes an event here.
    """

    audit_type = ""
    audits_itself = False
    list_title: Any = ""
    list_hint: Any = ""  # one sentence above the list: what stands in it, or the one thing to do with it
    menu_group: Any = PEOPLE
    menu_position = 900
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count for each choice of each filter
    list_per_page = 50

    def audit_code(self, obj: Any) -> str:
        return str(obj.pk)

    def audit_codes(self, obj: Any) -> list[str]:
        """The codes under which the trail tells of `obj`; more than one where its code has changed."""
        return [self.audit_code(obj)]

    def said(self, obj: Any) -> str:
        """What `obj` is called at the head of its page."""
        return str(obj)

    def list_links(self, request: HttpRequest) -> list[ListLink]:  # noqa: ARG002
        """The buttons above the list, besides that for adding."""
        return []

    def view_on_site(self, obj: Any) -> str | None:  # noqa: ARG002
        """None: Django's own link, /admin/r/…, reveals the address of every object of every table to every account."""
        return None

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Only what a filter of the list offers: a lookup through relations would answer questions about foreign rows."""
        asked, _dash, how = lookup.rpartition("__")
        if self.date_hierarchy and asked == self.date_hierarchy and how in ("year", "month", "day"):
            # The years before and after are in no calendar, and Django asks one.
            return how != "year" or (row_number(value) or 0) in range(clock.FIRST_DAY.year, clock.LAST_DAY.year + 1)
        fields = []
        for each in self.get_list_filter(request):
            offered: Any = each[0] if isinstance(each, tuple) else each
            if isinstance(offered, str):
                fields.append(offered)
            elif lookup == offered.parameter_name:
                return True
        return lookup in fields or (asked in fields and how in _OFFERED_LOOKUPS)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            search = _SearchForSeveral if db_field.many_to_many else _Search
            kwargs["widget"] = search(db_field, self.admin_site)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What the URL says about a new row, without values that its fields cannot hold."""
        return {
            name: value
            for name, value in super().get_changeform_initial_data(request).items()
            if self._fits(name, value)
        }

    def _fits(self, name: str, value: Any) -> bool:
        try:
            field = self.opts.get_field(name)
            return not isinstance(field, Field) or field.to_python(value) is not None
        except FieldDoesNotExist:
            return True
        except ValidationError:
            return False

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:  # type: ignore[override]  # of a later Django
        for key in request.POST.getlist(ACTION_CHECKBOX_NAME):
            if not _can_be(self.opts.pk, key):
                raise BadRequest(f"{key[:40]!r} is no key of a row")
        return super().response_action(request, queryset)

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:  # noqa: ARG002
        """The one answer for what is outside the scope and for what does not exist; it repeats nothing of the request."""
        raise Http404

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry | None:  # type: ignore[override]
        self._record(request, obj, "added", message)
        return None

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> LogEntry | None:  # type: ignore[override]
        self._record(request, obj, "changed", message)
        return None

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[LogEntry]:
        for obj in queryset:
            self._record(request, obj, "deleted", [])
        return []

    def _record(self, request: HttpRequest, obj: Model, verb: str, message: Any) -> None:
        if self.audits_itself or not isinstance(request.user, User):
            return
        kind = self.audit_type or str(self.opts.model_name)
        with translation.override(settings.LANGUAGE_CODE):  # one name in the trail, whatever the language of the page
            name = str(obj)
        audit.record(
            f"{kind}.{verb}",
            subject=(kind, self.audit_code(obj)),
            actor=request.user,
            at=clock.now(),
            data={"name": name, "fields": _changed_fields(message)},
        )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """If the count was zero, the rows are not looked for again: that search would take as long as the first."""
        shown: Any = super().get_changelist_instance(request)
        if not shown.result_count:
            shown.result_list = shown.result_list.none()
        shown.count_is_cut = shown.result_count == getattr(shown.paginator, "count_limit", None)
        return shown

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list under its own name; "Select rest station to change" is no heading."""
        title = capfirst(str(self.list_title or self.opts.verbose_name_plural))
        context = {"title": title, "list_links": self.list_links(request), **(extra_context or {})}
        if self.list_hint:
            context.setdefault("list_hint", self.list_hint)
        return super().changelist_view(request, context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Under the object's own name, with what was done to it last, and links from the top to every field that is wrong.

        "Change rest station" is no heading, and a long page hides what is wrong on it.
        """
        obj = kwargs.get("obj")
        kind = str(self.opts.verbose_name)
        context |= {
            "title": gettext("New {kind}").format(kind=kind) if obj is None else self.said(obj),
            "subtitle": None,
        }
        if obj is not None:
            context["last_events"] = self._events(obj, limit=LAST_EVENTS)
        forms = [context["adminform"].form]
        for shown in context["inline_admin_formsets"]:
            forms += shown.formset.forms
            if shown.formset.is_bound and shown.formset.non_form_errors():
                context.setdefault("error_links", []).append(
                    (f"{shown.formset.prefix}-group", shown.opts.verbose_name_plural, shown.formset.non_form_errors())
                )
        context.setdefault("error_links", [])[:0] = [
            (form[name].auto_id, form[name].label, errors)
            for form in forms
            for name, errors in form.errors.items()
            if name in form.fields
        ]
        return super().render_change_form(request, context, *args, **kwargs)

    def _events(self, obj: Any, *, limit: int) -> list["ShownEvent"]:
        """What the trail says of `obj`, newest first."""
        kind = self.audit_type or str(self.opts.model_name)
        codes = self.audit_codes(obj)
        found = AuditEvent.objects.filter(subject_type=kind, subject_code__in=codes)[:limit]
        events = [each for each in found if each.data.get("told_under") not in codes]
        return [
            ShownEvent(event.occurred_at, described_actor(event), described_kind(event), said)
            for event, said in zip(events, described_changes(events), strict=True)
        ]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What the audit trail says of this object, newest first."""
        # Before looking: whoever may see none of them must not learn whether there is one.
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        obj = self.get_object(request, object_id)
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Changes: {name}").format(name=self.said(obj)),
            "subtitle": None,
            "events": self._events(obj, limit=200),
            "module_name": str(self.opts.verbose_name_plural),
            "object": obj,
            "said": self.said(obj),
            "opts": self.opts,
            "preserved_filters": self.get_preserved_filters(request),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/object_history.html", context)


def _changed_fields(message: Any) -> list[str]:
    """The names of what changed; personal values never reach the trail."""
    fields: list[str] = []
    for part in message if isinstance(message, list) else []:
        for details in part.values():
            fields += map(str, details.get("fields", []))
    return fields


# An app above core says how its kinds of events and its facts are called (`name_in_trail`).
_names: dict[str, str | Promise] = {}


def name_in_trail(names: Mapping[str, str | Promise]) -> None:
    """Give kinds of events (station.published) and facts (address) the words under which people read them."""
    _names.update(names)


def described_actor(event: AuditEvent) -> str:
    """Who did it: an account's name, or words for an actor that is no account (`name_in_trail` under "actor:worker")."""
    return event.actor_name if event.actor_id else described_name(event.actor_name)


def described_name(name: str) -> str:
    """The same of a name alone, as books keep it; of a program its kind in words ("partner demo-sandbox", under
    "actor:partner ", which no account can be called)."""
    kind, space, code = name.partition(" ")
    return f"{_names.get(f'actor:{kind}{space}', kind)}{space}{code}"


def described_kind(event: AuditEvent) -> str:
    return str(_names.get(event.kind, event.kind))


def described_matter(matter: str) -> str:
    """What a notice is about, its kind in words: "station.doubted WH-WC-0001"."""
    kind, _space, code = matter.partition(" ")
    return f"{_names.get(kind, kind)} {code}".rstrip()


Told = tuple[str, str]  # a fact and its value, as the trail keeps them
_words: list[Callable[[set[Told]], Mapping[Told, str]]] = []


def words_in_trail(words: Callable[[set[Told]], Mapping[Told, str]]) -> None:
    """Let `words` say the values of facts that are codes. It is asked once for a whole page."""
    _words.append(words)


@dataclass(frozen=True, slots=True)
class _Change:
    fact: str
    before: list[str]
    after: list[str]


def described_changes(events: Iterable[AuditEvent]) -> list[SafeString]:
    """What each of `events` recorded, in words: one line for each fact that changed, with the old value first."""
    changes = [(event, _changes(event), _facts(event)) for event in events]
    told = {
        (fact, value)
        for _event, changed, facts in changes
        for fact, values in [*((each.fact, [*each.before, *each.after]) for each in changed), *facts]
        for value in values
    }
    words: dict[Told, str] = {}
    for each in _words:
        words |= each(told)
    return [_described(changed, facts, words) for _event, changed, facts in changes]


def _changes(event: AuditEvent) -> list[_Change]:
    changed = event.data.get("changed")
    if isinstance(changed, dict):
        return [_Change(fact, _listed(was.get("before")), _listed(was.get("after"))) for fact, was in changed.items()]
    if "before" in event.data:
        return [_Change("status", _listed(event.data["before"]), _listed(event.data.get("after")))]
    return []


def _facts(event: AuditEvent) -> list[tuple[str, list[str]]]:
    facts = ((fact, _listed(value)) for fact, value in event.data.items() if fact not in ("changed", "before", "after"))
    return [(fact, values) for fact, values in facts if values]


def _listed(value: object) -> list[str]:
    if value in (None, "", [], False):
        return []
    if value is True:
        return [gettext("yes")]
    if isinstance(value, list):
        return [str(each) for each in value]
    return [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]


def _described(changed: list[_Change], facts: list[tuple[str, list[str]]], words: Mapping[Told, str]) -> SafeString:
    def said(fact: str, values: list[str]) -> str:
        if fact == "fields":  # labels of form fields, kept in the source language
            return gettext(", ").join(gettext(value) for value in values)
        if fact == "photo" and values:  # the name of its file says nothing
            return gettext("a photo")
        return gettext(", ").join(str(words.get((fact, value)) or _names.get(value, value)) for value in values) or "—"

    lines = format_html_join(
        "",
        "<li><b>{}</b> <del>{}</del> → <ins>{}</ins></li>",
        (
            (_names.get(each.fact, each.fact), said(each.fact, each.before), said(each.fact, each.after))
            for each in changed
        ),
    )
    others = format_html_join(
        "", "<li><b>{}</b> {}</li>", ((_names.get(fact, fact), said(fact, values)) for fact, values in facts)
    )
    return format_html('<ul class="trail-changes">{}{}</ul>', lines, others)


class ReadOnlyAdmin(AuditedAdmin):
    """A table that is only looked at, by everybody including superusers."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


class ForAdministrators(AuditedAdmin):
    """Whoever can edit accounts or roles can give himself every right, so only superusers can."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return self._may(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return self._may(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    @staticmethod
    def _may(request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.is_active and request.user.is_superuser


@admin.register(User)
class AccountAdmin(ForAdministrators, UserAdmin):  # type: ignore[type-arg]
    """Accounts. None is ever deleted, since the trail names them: one that is no longer needed is switched off."""

    audit_type = "account"
    list_hint = _(
        "An account is never deleted: who no longer works here is switched off. What it may do is given as a role."
    )
    menu_position = 910
    list_filter = ("is_active", "is_superuser")
    list_display = ("username", "last_name", "first_name", "is_active", "is_superuser", "last_login")
    filter_horizontal = ()
    # Django also asks whether the person signs in with a password at all. Here everybody does.
    add_form = UserCreationForm
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2")}),)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("last_name", "first_name", "email")}),
        (_("May sign in"), {"fields": ("is_active", "is_staff", "is_superuser")}),
        (_("Times"), {"fields": ("last_login", "date_joined")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The name cannot change: the books and the trail know the person by it, and under another he would be somebody
        else.
        """
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "username")

    def audit_code(self, obj: Any) -> str:
        return str(obj.username)[:64]


# Rights come from roles (stations/access.py); groups beside them would be a second truth.
admin.site.unregister(Group)
