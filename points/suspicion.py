"""Pairs of staff and courier that stand out (T19): whom one gave points by hand, or gifts without a pass, far more often than
others did. A list to look into, and no verdict: a regular helper stands out as well.

How often it would be expected is the larger of two: what the same member of staff did for his other couriers on average, and
his share of what others in the district did for this courier. What is left is chance, which Poisson's tail tells; among all
pairs looked at, fewer than one in twenty reports names a pair that came by chance alone.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

__all__ = ["FEWEST", "Pair", "stand_out"]

# Fewer are no habit.
FEWEST = 5
# An award is worth as many usual ones as it is of their points, up to this: few large ones show as well, and one alone does not.
MOST_OF_ONE = 4
CHANCE = 0.05
LEAST_EXPECTED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A member of staff and a courier. `deed` is "award" (points by hand) or "handover" (a gift without a pass).

    `partner` is who most often stood by: approved the points, or witnessed the hand-over (or was the one who did it, where
    `staff` is the witness). `expected` is in the measure of `weight`, which counts large awards more than once.
    """

    deed: str
    district: str
    staff: str
    courier_id: int
    courier: str
    partner: str
    times: int
    points: int
    weight: int
    of_all: int
    expected: float
    chance: float


# A hand-over without a pass was done by two; it counts for each of them. What was taken back does not count.
_PAIRS = """
WITH usual AS (
    SELECT greatest(percentile_cont(0.5) WITHIN GROUP (ORDER BY points), 1) AS points
    FROM points_award WHERE rule_id IS NULL
), deed AS (
    SELECT 'award' AS deed, w.district_id AS district, p.actor_name AS staff, nullif(p.approver_name, '') AS partner,
        w.courier_id, w.points, least(greatest(w.points / u.points, 1), %(most)s) AS weight
    FROM points_award w JOIN points_posting p ON p.id = w.posting_id CROSS JOIN usual u
    WHERE w.rule_id IS NULL AND p.occurred_at >= %(since)s AND p.occurred_at < %(until)s
        AND NOT EXISTS (SELECT FROM points_posting o WHERE o.reverses_id = p.id)
    UNION ALL
    SELECT 'handover', left(s.division_id, 6), who.staff, who.partner, r.courier_id, r.points, 1
    FROM points_redemption r JOIN points_posting p ON p.id = r.ended_id JOIN stations_station s ON s.id = r.station_id
    CROSS JOIN LATERAL (
        VALUES (p.actor_name, p.approver_name), (p.approver_name, p.actor_name)
    ) AS who (staff, partner)
    WHERE r.status = 'handed-over' AND p.approver_name <> ''
        AND p.occurred_at >= %(since)s AND p.occurred_at < %(until)s
), pair AS (
    SELECT deed, district, staff, courier_id, mode() WITHIN GROUP (ORDER BY partner) AS partner, count(*) AS times,
        sum(points) AS points, sum(weight) AS weight
    FROM deed WHERE %(everywhere)s OR district = ANY(%(districts)s) GROUP BY 1, 2, 3, 4
), weighed AS (
    SELECT *, sum(weight) OVER of_staff AS of_staff, count(*) OVER of_staff AS couriers, sum(times) OVER of_staff AS all_times,
        sum(weight) OVER (PARTITION BY deed, district, courier_id) AS of_courier,
        sum(weight) OVER (PARTITION BY deed, district) AS of_district, count(*) OVER (PARTITION BY deed) AS pairs
    FROM pair WINDOW of_staff AS (PARTITION BY deed, district, staff)
)
SELECT w.deed, w.district, w.staff, w.courier_id, c.code, coalesce(w.partner, ''), w.times, w.points, floor(w.weight),
    w.all_times, w.pairs,
    greatest(
        (w.of_staff - w.weight) / greatest(w.couriers - 1, 1),
        w.of_staff * (w.of_courier - w.weight) / nullif(w.of_district - w.of_staff, 0)
    )
FROM weighed w JOIN couriers_courier c ON c.id = w.courier_id WHERE w.weight >= %(fewest)s
"""


def stand_out(*, since: datetime, until: datetime, districts: Collection[str] | None = None) -> list[Pair]:
    """The pairs that stand out between two moments, the least likely first; in these districts (codes), or in all."""
    with connection.cursor() as cursor:
        cursor.execute(
            _PAIRS,
            {
                "since": since, "until": until, "most": MOST_OF_ONE, "fewest": FEWEST,
                "everywhere": districts is None, "districts": list(districts or ()),
            },
        )  # fmt: skip
        rows = cursor.fetchall()
    found = []
    for deed, district, staff, courier_id, courier, partner, times, points, weight, of_all, pairs, usual in rows:
        expected = max(float(usual or 0), LEAST_EXPECTED)
        chance = _at_least(int(weight), expected)
        if chance * pairs < CHANCE:
            found.append(
                Pair(
                    deed=deed, district=district, staff=staff, courier_id=courier_id, courier=courier, partner=partner,
                    times=times, points=int(points), weight=int(weight), of_all=int(of_all), expected=expected, chance=chance,
                )
            )  # fmt: skip
    return sorted(found, key=lambda pair: (pair.chance, pair.staff, pair.courier))


def _at_least(times: int, expected: float) -> float:
    """How likely something that happens `expected` times on average happens `times` times or more: Poisson's tail."""
    if times <= expected:
        return 1.0
    term = math.exp(times * math.log(expected) - expected - math.lgamma(times + 1))
    total, number = 0.0, times
    # Beyond the mean each term is smaller than the one before.
    while term > total * 1e-12 and term > 0:
        total += term
        number += 1
        term *= expected / number
    return total
