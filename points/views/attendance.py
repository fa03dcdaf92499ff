"""How the pages of gifts say when somebody is there to hand them out, if the state of the door does not tell it."""

from datetime import datetime

from django.utils.translation import gettext

from stations.hours import OpenState, State
from stations.views.wording import moment_text

__all__ = ["attendance_text"]


def attendance_text(
    door: OpenState, attended: OpenState, *, now: datetime, kept_until: datetime | None = None,
    tomorrow: OpenState | None = None,
) -> str:  # fmt: skip
    """From when, or until when, somebody is there; empty if the door opens and shuts with him, or if nothing is known.

    A door that opens by a code or card may be open while nobody hands out gifts. `kept_until` is when an order lapses: it is
    said of every door if nobody comes before, such as over the Spring Festival; or only today, on the eve of it, which
    `tomorrow` tells: the state at its beginning.
    """
    comes_at = attended.opens_at if attended.state is State.CLOSED else None
    if kept_until is not None and comes_at is not None and comes_at >= kept_until:
        return gettext("Nobody is there before {time}, and an order lapses sooner").format(
            time=moment_text(comes_at, now)
        )
    is_shut_for_weeks = door.state is State.CLOSED and door.opens_at is None and attended.state is State.CLOSED
    if kept_until is not None and is_shut_for_weeks and comes_at is None:
        return gettext("Nobody is there for the next two weeks, and an order lapses sooner")
    comes_today = attended.is_open or comes_at is not None
    if kept_until and tomorrow and comes_today and not _comes_before(kept_until, tomorrow):
        return gettext("Fetch it today: after that nobody is there until the order lapses")
    if attended.is_open:
        if attended.closes_at is None or attended.closes_at == door.closes_at:
            return ""
        return gettext("A steward hands it out until {time}").format(time=moment_text(attended.closes_at, now))
    if attended.state is not State.CLOSED or (door.state is State.CLOSED and attended.opens_at == door.opens_at):
        return ""
    if attended.opens_at is None:
        return gettext("No hours of a steward are registered: ask before you go")
    return gettext("A steward hands it out from {time}").format(time=moment_text(attended.opens_at, now))


def _comes_before(moment: datetime, attended: OpenState) -> bool:
    """Whether somebody is there before `moment`, or may be, for all that is known."""
    return attended.state is not State.CLOSED or (attended.opens_at is not None and attended.opens_at < moment)
