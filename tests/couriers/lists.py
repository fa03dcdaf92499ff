"""Lists of couriers to import, and what they leave behind. Numbers begin with 154, which is given to no carrier."""

import io
from collections.abc import Sequence
from typing import Any

from couriers import privacy
from couriers.importing import CourierReport, import_couriers
from couriers.models import Consent, Courier
from tests.builders import NOON
from tests.stations.importing.files import csv_file

__all__ = ["HEADINGS", "counts", "everything", "found", "many", "phone", "take"]

HEADINGS = ["姓名", "手机号", "类型", "品牌", "网点", "区", "是否同意"]


def phone(number: int) -> str:
    return f"154{number:08}"


def many(count: int) -> list[list[Any]]:
    """A list of `count` couriers of two kinds in two districts."""
    return [HEADINGS] + [
        [f"张三{n}", phone(n), ("快递", "外卖")[n % 2], ("顺丰", "")[n % 2], "", ("武昌", "硚口")[n % 3 % 2], "是"]
        for n in range(1, count + 1)
    ]


def take(rows: Sequence[Sequence[Any]] | bytes, **more: Any) -> CourierReport:
    data = rows if isinstance(rows, bytes) else csv_file(rows)
    given: dict[str, Any] = {"source": "名单.csv", "actor": "tests", "at": NOON}
    return import_couriers(io.BytesIO(data), **given | more)


def counts(report: CourierReport) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, refused."""
    said = report.as_json()
    return said["created"], said["updated"], said["unchanged"], said["refused"]


def found(report: CourierReport) -> list[tuple[int, str, str]]:
    return [(finding.row, finding.column, finding.code) for finding in report.findings]


def everything() -> list[tuple[object, ...]]:
    """Every courier as stored, except for his random code, with what he agreed to."""
    agreed = dict(Consent.objects.values_list("courier", "channel"))
    return sorted(
        (
            str(courier.phone_index), privacy.masked(courier).name, courier.kind, str(courier.company), str(courier.outlet),
            str(courier.division_id), courier.status, courier.channel, agreed.get(courier.pk), courier.consents.count(),
        )
        for courier in Courier.objects.select_related("company", "outlet")
    )  # fmt: skip
