"""What staff were told, and what could not be sent."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import ForAdministrators, ReadOnlyAdmin, described_matter, name_in_trail
from core.models import Notice

__all__ = ["NoticeAdmin"]


class NoticeStateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"
    conditions = {
        "sent": Q(sent_at__isnull=False),
        "waiting": Q(next_attempt_at__isnull=False),
        "given-up": Q(sent_at__isnull=True, next_attempt_at__isnull=True),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [("sent", _("sent out")), ("waiting", _("to be sent")), ("given-up", _("given up"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Notice]) -> QuerySet[Notice]:  # noqa: ARG002
        return queryset.filter(self.conditions.get(self.value() or "", Q()))


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin, ForAdministrators):
    menu_position = 940
    list_hint = _("What staff were told by message, at most once a matter and day; what could not be sent says why.")
    list_display = ("created_at", "said_matter", "text", "said_recipients", "sent_out_at", "last_error")
    list_filter = (NoticeStateFilter,)
    search_fields = ("matter__startswith",)
    ordering = ("-id",)

    def said(self, obj: Notice) -> str:
        return described_matter(obj.matter)

    @admin.display(description=_("matter"))
    def said_matter(self, notice: Notice) -> str:
        return described_matter(notice.matter)

    @admin.display(description=_("recipients"))
    def said_recipients(self, notice: Notice) -> str:
        return gettext(", ").join(notice.recipients)

    @admin.display(description=_("sent out at"), ordering="sent_at")
    def sent_out_at(self, notice: Notice) -> str | None:
        return f"{clock.to_local(notice.sent_at):%Y-%m-%d %H:%M}" if notice.sent_at else None


name_in_trail(
    {"station.doubt-overdue": _("doubted for more than a day"), "visit.overdue": _("report from the door waits")}
)
