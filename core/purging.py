"""Deleting what is no longer needed: one verb for the worker and for `manage.py purge`.

Each kind of row is deleted by the module that writes it; `settings.PURGES` lists them. The trail, the confirmations and the
counts of use stay.
"""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils.module_loading import import_string

__all__ = ["purge", "purge_sessions"]


def purge(*, now: datetime, dry_run: bool = False) -> dict[str, int]:
    """Delete what is past its time; return how many of each kind, or with `dry_run` how many it would be."""
    gone = {}
    for label, name in settings.PURGES:
        verb: Callable[..., int] = import_string(name)
        gone[str(label)] = verb(now=now, dry_run=dry_run)
    return gone


def purge_sessions(*, now: datetime, dry_run: bool = False) -> int:
    """Forget sign-ins that have run out; answer how many."""
    past = Session.objects.filter(expire_date__lt=now)
    return past.count() if dry_run else past.delete()[0]
