"""The small town that the browser tests walk through."""

import uuid
from datetime import time
from decimal import Decimal

from core import clock
from points import stock
from points.models import EarningRule, Gift, GiftPrice
from stations.models import HoursException, Station
from tests.builders import make_amenity, make_district, make_staff, make_station, make_subdistrict

__all__ = ["HERE", "PASSWORD", "build"]

# Where the phone is: the first station's door. Playwright's own names.
HERE = {"latitude": 30.5801, "longitude": 114.3402, "accuracy": 20}
PASSWORD = "just-for-tests"
ALL_DAY = {"opens": time(0), "closes": time(0)}
AMENITIES = {
    "hot-water": "热水",
    "microwave": "微波炉",
    "phone-charging": "手机充电",
    "toilet": "厕所",
    "clothes-drying": "衣物烘干",
    "air-conditioning": "空调",
    "seats": "桌椅",
}


def build() -> None:
    """Twelve stations in a row to the north of `HERE`, a few hundred metres apart, and some for single tests."""
    now = clock.now()
    for code, name in AMENITIES.items():
        make_amenity(code, name=name)
    make_district(code="420104", name="硚口区", letters="QK")
    subdistrict = make_subdistrict()
    subdistrict.name_en = "Xujiapeng Subdistrict"
    subdistrict.save()
    for number in range(1, 13):
        make_station(
            code=f"WH-WC-{number:04d}",
            name=f"第{number}蜂巢",
            tier=number % 3 + 1,
            division=subdistrict,
            address=f"和平大道{number}号",
            directions="从小区东门进，直走五十米",
            latitude=HERE["latitude"] + 0.003 * (number - 1),
            longitude=HERE["longitude"],
            amenities=["hot-water", "seats", *(["microwave", "phone-charging"] if number % 2 else ["toilet"])],
            hours=ALL_DAY,
            at=now,
        )
    make_station(code="WH-WC-0801", name="要锁的蜂巢", amenities=["hot-water"], hours=ALL_DAY, latitude=30.70, at=now)
    make_station(code="WH-WC-0802", name="没登记时间的蜂巢", hours=False, latitude=30.71, at=now)
    make_station(code="WH-WC-0803", name="没有位置的蜂巢", hours=ALL_DAY, latitude=None, longitude=None, at=now)
    HoursException.objects.create(
        station=Station.objects.get(code="WH-WC-0001"),
        starts_on=clock.local_date(now).replace(day=1),
        ends_on=clock.local_date(now).replace(day=1),
        reason="消防演练",
    )
    make_staff(password=PASSWORD)
    _fill_cabinets()


def _fill_cabinets() -> None:
    """An umbrella at the first three stations, a pot that nobody has, and a rule by which points are earned."""
    now = clock.now()
    today, district = clock.local_date(now), make_district()
    umbrella = Gift.objects.create(code="wc-town-umbrella", division=district, name="雨伞", most_a_month=1)
    pot = Gift.objects.create(code="wc-pot", division=district, name="电炖锅")
    for gift, points in ((umbrella, 1500), (pot, 2000)):
        GiftPrice.objects.create(gift=gift, points=points, valid_from=today)
    for number in (1, 2, 3):
        stock.receive(
            gift=umbrella, station=Station.objects.get(code=f"WH-WC-{number:04d}"), pieces=8, op_id=uuid.uuid4(),
            delivery=stock.Delivery(document_no="R-1", unit_price_cny=Decimal("25.00"), funding="union"), actor="tests", at=now,
        )  # fmt: skip
    EarningRule.objects.create(action="volunteer", points=40, most_a_day=2, valid_from=today)
