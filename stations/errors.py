"""The refusals of `stations`."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, NotFound, SelfExplained

__all__ = [
    "HoursContradictory",
    "ReasonMissing",
    "StationBound",
    "StationChangedMeanwhile",
    "StationClosed",
    "StationNotFound",
    "StationNotPublishable",
    "VisitLinkClosed",
    "VisitReportDecided",
]


class StationNotFound(NotFound):
    code = "station_not_found"
    title = _("There is no rest station under this code.")


class StationNotPublishable(DomainError):
    """The minimum that couriers need is missing. `missing` names the fields."""

    code, status = "station_not_publishable", 409
    title = _("The station cannot be published yet.")


class ReasonMissing(DomainError):
    code, status = "reason_missing", 400
    title = _("Say why, in a few words that couriers may read.")


class StationChangedMeanwhile(DomainError):
    """Somebody else saved the station after this editor had opened it. `version` is the present one."""

    code, status = "station_changed_meanwhile", 409
    title = _("Somebody else changed this station meanwhile. Open it again and enter your change once more.")


class StationClosed(DomainError):
    code, status = "station_closed", 409
    title = _("This station is closed for good. Publish it again first, if it is to be used.")


class StationBound(SelfExplained):
    """The station would move to another district while it holds something of its present one."""

    code, status = "station_bound", 409
    title = _("Gifts of its district lie in this station's cabinet.")
    way_out = _(
        "Move them to another cabinet of that district or scrap them, and let what is ordered be fetched or cancelled; then enter "
        "the station in the other district."
    )


class HoursContradictory(DomainError):
    """The hours say two things at once, or nothing. `detail` says which and the way out."""

    code, status = "hours_contradictory", 400
    title = _("These hours cannot be saved.")


class VisitLinkClosed(DomainError):
    """The link for a check at the door takes no report any more. `state` says why: used, expired or revoked."""

    code, status = "visit_link_closed", 410
    title = _("This link can no longer be used.")


class VisitReportDecided(DomainError):
    code, status = "visit_report_decided", 409
    title = _("Somebody has already decided on this report.")
