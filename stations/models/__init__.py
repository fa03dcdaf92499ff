"""The tables of `stations`, by noun."""

from stations.models.amenities import Amenity, AmenityWord, StationAmenity
from stations.models.divisions import Division, DivisionAlias, Zone
from stations.models.hours import DayType, HoursException, HoursPeriod, HoursSpan
from stations.models.imports import ImportJob
from stations.models.maps import MapListing
from stations.models.proof import Confirmation, StationUse
from stations.models.staff import Duty, StaffRole
from stations.models.stations import Station, StationOrganisation
from stations.models.visits import VisitLink, VisitReport

__all__ = [
    "Amenity",
    "AmenityWord",
    "Confirmation",
    "DayType",
    "Division",
    "DivisionAlias",
    "Duty",
    "HoursException",
    "HoursPeriod",
    "HoursSpan",
    "ImportJob",
    "MapListing",
    "StaffRole",
    "Station",
    "StationAmenity",
    "StationOrganisation",
    "StationUse",
    "VisitLink",
    "VisitReport",
    "Zone",
]
