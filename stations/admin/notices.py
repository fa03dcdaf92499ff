"""What staff were told, and what could not be sent."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from core.admin import ForAdministrators, ReadOnlyAdmin
from core.models import Notice

__all__ = ["NoticeAdmin"]


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin, ForAdministrators):
    menu_position = 940
    list_hint = _("What staff were told by message, at most once a matter and day; what could not be sent says why.")
    list_display = ("created_at", "matter", "text", "sent_at", "attempts", "last_error")
    list_filter = (("sent_at", admin.EmptyFieldListFilter),)
    search_fields = ("matter__startswith",)
    ordering = ("-id",)
