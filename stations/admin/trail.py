"""The trail to read: what was done in the reader's scope, and by whom."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import ReadOnlyAdmin, SparsePaginator, described_actor, described_changes, described_kind
from core.models import AuditEvent, User
from stations import access
from stations.models import Duty

__all__ = ["AuditEventAdmin", "offer_subjects"]


SUBJECTS: dict[str, str | Promise] = {
    "station": _("rest stations"),
    "division": _("divisions"),
    "account": _("staff accounts"),
    "daytype": _("day types"),
    "amenity": _("amenities"),
}


def offer_subjects(more: Mapping[str, str | Promise]) -> None:
    """Let the trail be searched for the subjects of an app above this one."""
    SUBJECTS.update(more)


class SubjectFilter(admin.SimpleListFilter):
    """What the events are about. The choices are fixed: reading them off the trail would read all of it. Outside the city's
    office only those of which the reader sees events, or "none" would be said of what others did (`access.events_seen`).
    """

    title = _("about")
    parameter_name = "about"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        scope = access.scope_of(request.user, Duty.AUDIT, Duty.MANAGE)
        return [(kind, name) for kind, name in SUBJECTS.items() if scope.is_city or kind in ("station", "division")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:  # noqa: ARG002
        return queryset.filter(subject_type=self.value()) if self.value() else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    menu_position = 930
    paginator = SparsePaginator
    list_hint = _("Who did what, and when. It is read here, and nobody can change or delete it.")
    list_display = ("local_time", "said_kind", "subject_code", "said_actor", "what")
    list_display_links = ("local_time",)
    list_filter = (SubjectFilter,)
    search_fields = ("subject_code",)  # shows the box; `get_search_results` asks in our own way
    search_help_text = _("a station's code or an account's name, whole")
    ordering = ("-id",)
    fields = ("local_time", "said_kind", "subject_code", "said_actor", "what")
    readonly_fields = fields

    def said(self, obj: AuditEvent) -> str:
        return f"{described_kind(obj)} {obj.subject_code}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        scope = access.scope_of(request.user, Duty.AUDIT, Duty.MANAGE)
        events: QuerySet[AuditEvent] = super().get_queryset(request)
        return events.filter(access.events_seen(scope))

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[AuditEvent],
        search_term: str,
    ) -> tuple[QuerySet[AuditEvent], bool]:
        """The events about a subject or by an account, each through an index: text anywhere would read all of the trail."""
        term = search_term.strip()
        if not term:
            return queryset, False
        accounts = list(User.objects.filter(username=term).values_list("pk", flat=True))
        about = Q(subject_type__in=SUBJECTS, subject_code=term)
        return queryset.filter(about | Q(actor__in=accounts) if accounts else about), False

    @admin.display(description=_("occurred at"))
    def local_time(self, event: AuditEvent) -> str:
        return f"{clock.to_local(event.occurred_at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=_("what was done"))
    def said_kind(self, event: AuditEvent) -> str:
        return described_kind(event)

    @admin.display(description=_("who"))
    def said_actor(self, event: AuditEvent) -> str:
        return described_actor(event)

    @admin.display(description=_("details"))
    def what(self, event: AuditEvent) -> SafeString:
        said: SafeString = event.__dict__.get("_described") or described_changes([event])[0]
        return said

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the details of the whole page worded at once: the names for all of them are looked up together."""
        shown = super().get_changelist_instance(request)
        events: list[AuditEvent] = list(shown.result_list)
        for event, said in zip(events, described_changes(events), strict=True):
            event.__dict__["_described"] = said
        shown.result_list = events
        return shown
