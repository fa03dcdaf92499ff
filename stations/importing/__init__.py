"""Importing lists of stations as offices keep them: sheets → headings → cells → rows → stations."""

from stations.importing.decisions import Decisions
from stations.importing.errors import (
    FileEncrypted,
    FileHasNoHeadings,
    FileHostile,
    FileTooLarge,
    FileUnreadable,
    FileWrongType,
)
from stations.importing.findings import Finding, ImportReport, Outcome, Severity
from stations.importing.importing import import_stations
from stations.importing.results import result_csv, result_xlsx
from stations.importing.template import template_xlsx

__all__ = [
    "Decisions",
    "FileEncrypted",
    "FileHasNoHeadings",
    "FileHostile",
    "FileTooLarge",
    "FileUnreadable",
    "FileWrongType",
    "Finding",
    "ImportReport",
    "Outcome",
    "Severity",
    "import_stations",
    "result_csv",
    "result_xlsx",
    "template_xlsx",
]
