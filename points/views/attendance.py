"""How the pages of gifts say when somebody is there to hand them out, where the state of the door does not tell it."""

from datetime import datetime

from django.utils.translation import gettext

from stations.hours import OpenState, State
from stations.views.wording import moment_text

__all__ = ["attendance_text"]


def attendance_text(door: OpenState, attended: OpenState, *, now: datetime) -> str:
    """Of a door that lets in by a code or card: from when somebody is there. Empty while somebody is, and where nothing is known."""
    if attended.state is not State.CLOSED:
        return ""
    if attended.opens_at is None:
        return gettext("No hours of a steward are registered: ask before you go")
    if attended.opens_at == door.opens_at:
        return ""
    return gettext("A steward hands it out from {time}").format(time=moment_text(attended.opens_at, now))
