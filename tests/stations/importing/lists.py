"""Importing a list in a test, and what is checked afterwards."""

import io
from collections.abc import Sequence
from typing import Any

from django.apps import apps

from stations.importing import ImportReport, import_stations
from tests.builders import NOON
from tests.stations.importing.files import csv_file

__all__ = ["counts", "everything", "only", "take"]


def take(data: bytes | Sequence[Sequence[Any]], **options: Any) -> ImportReport:
    content = data if isinstance(data, bytes) else csv_file(data)
    defaults: dict[str, Any] = {"source": "list.csv", "actor": "tests", "at": NOON}
    return import_stations(io.BytesIO(content), **(defaults | options))


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all our tables except sequence numbers, tokens and moments: what two runs must agree on."""
    # The moment of a change is the database's own (stations/change_times.py).
    left_out = {"id", "door_token", "station_id", "period_id", "updated_at"}
    state: dict[str, list[tuple[Any, ...]]] = {}
    for model in (*apps.get_app_config("stations").get_models(), *apps.get_app_config("core").get_models()):
        fields = [f.attname for f in model._meta.concrete_fields if f.attname not in left_out]
        state[model._meta.db_table] = sorted(model._default_manager.values_list(*fields), key=repr)
    return state


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    said = report.as_json()
    return said["created"], said["updated"], said["unchanged"], said["refused"]


def only(report: ImportReport) -> tuple[str, str, int, str]:
    """Code, column, row and value of the only finding, which must have a reason and a way out."""
    (finding,) = report.findings
    assert finding.reason
    assert finding.way_out
    return finding.code, finding.column, finding.row, finding.value
