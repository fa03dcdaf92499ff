"""What the people who keep a station are told: that its door is doubted, and that work has waited too long.

At most one notice a matter and Wuhan day, whoever writes it (core/notices.py).
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import notices
from stations.access import responsible_for
from stations.models import Duty, Station, VisitReport

__all__ = ["DOUBT_IS_OVERDUE", "REPORT_IS_OVERDUE", "remind", "tell_of_doubt"]

# A door that somebody has been told about and that is still doubted.
DOUBT_IS_OVERDUE = timedelta(days=1)
# Somebody went to a door for us; what he found does not get truer by waiting.
REPORT_IS_OVERDUE = timedelta(days=1)


def tell_of_doubt(station: Station, *, at: datetime) -> bool:
    """Write the notice that `station` is doubted, inside the caller's transaction; False if it was reported today already."""
    with translation.override(settings.LANGUAGE_CODE):
        text = _("{name} ({code}) was found shut at the door. Please look, and say on its page how it is.").format(
            name=station.name, code=station.code
        )
    return _tell(f"station.doubted {station.code}", text, station, at=at)


def remind(*, now: datetime) -> int:
    """Remind staff, once a day, of what nobody has seen to for a day; return the number of notices. The worker's job."""
    return _remind_of_doubts(now) + _remind_of_reports(now)


def _remind_of_doubts(now: datetime) -> int:
    overdue = Station.objects.published().filter(doubted_at__lte=now - DOUBT_IS_OVERDUE).order_by("doubted_at")
    told = 0
    for station in overdue.only("pk", "code", "name", "division_id", "doubted_at"):
        days = (now - station.doubted_at).days if station.doubted_at else 0
        with translation.override(settings.LANGUAGE_CODE):
            text = ngettext(
                "{name} ({code}) has been doubted for {days} day. Couriers are sent elsewhere.",
                "{name} ({code}) has been doubted for {days} days. Couriers are sent elsewhere.",
                days,
            ).format(name=station.name, code=station.code, days=days)
        told += _tell(f"station.doubt-overdue {station.code}", text, station, at=now)
    return told


def _remind_of_reports(now: datetime) -> int:
    overdue = VisitReport.objects.waiting().filter(sent_at__lte=now - REPORT_IS_OVERDUE).order_by("sent_at")
    told = 0
    for report in overdue.select_related("link__station"):
        station, days = report.station, (now - report.sent_at).days
        with translation.override(settings.LANGUAGE_CODE):
            text = ngettext(
                "What was found at the door of {name} ({code}) has waited for your decision for {days} day.",
                "What was found at the door of {name} ({code}) has waited for your decision for {days} days.",
                days,
            ).format(name=station.name, code=station.code, days=days)
        path = reverse("admin:stations_visitreport_change", args=[report.pk])
        # One matter for each station: the notice names its oldest report, and the others are in the same list.
        # Only to those who may decide: whoever stands at the counter could read it and no more.
        matter, deciders = f"visit.overdue {station.code}", (Duty.MANAGE, Duty.REVIEW)
        told += _tell(matter, text, station, *deciders, at=now, path=path)
    return told


def _tell(matter: str, text: str, station: Station, *duties: str, at: datetime, path: str = "") -> bool:
    recipients = [user.get_username() for user in responsible_for(station, *duties)]
    path = path or reverse("admin:stations_station_change", args=[station.pk])
    return notices.add(matter=matter, text=text, recipients=recipients, path=path, at=at)
