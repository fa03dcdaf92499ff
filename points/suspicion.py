"""Pairs of staff and courier that stand out (T19), because the one gave the other points by hand, or gifts without a pass,
far more often than is usual. It is a list to look into, not a verdict: a helper whom only one colleague knows stands out as
well.

The expected number is the larger of two averages: what the same member of staff did for each of his other couriers, and
what each other member of staff who did anything for this courier did for him. The rest may be chance, which Poisson's tail
measures, once for how often and once for how much. Of all pairs looked at, fewer than one report in twenty names a pair
that came about by chance alone. Two who take turns hide each other here; if one signs for the other, both stand out.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

__all__ = ["FEWEST", "Pair", "stand_out"]

# Fewer are not a habit.
FEWEST = 5
# An award counts as many times as its points are those of a usual one, up to this: a few large ones show, a single one does
# not.
MOST_OF_ONE = 10
CHANCE = 0.05
LEAST_EXPECTED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A member of staff and a courier. `deed` is "award" (points by hand) or "handover" (a gift without a pass).

    `partner` is the person who most often signed for the points or the hand-over; if `staff` is the one who signed, the
    person who gave. `times` is how often, out of `of_all` for all couriers; `late` of them were entered afterwards from a
    paper form; `expected` is the larger average.
    """

    deed: str
    district: str
    staff: str
    courier_id: int
    courier: str
    partner: str
    times: int
    late: int
    points: int
    of_all: int
    expected: float
    chance: float


# Whoever signs takes part, and is looked at separately from those who give. What was taken back does not count.
_PAIRS = """
WITH usual AS (
    SELECT greatest(percentile_cont(0.5) WITHIN GROUP (ORDER BY points), 1) AS points
    FROM points_award WHERE rule_id IS NULL
), once AS (
    SELECT 'award' AS deed, w.district_id AS district, p.actor_name AS giver, nullif(p.approver_name, '') AS signer,
        w.courier_id, w.points, least(greatest(w.points / u.points, 1), %(most)s) AS weight, 0 AS late
    FROM points_award w JOIN points_posting p ON p.id = w.posting_id CROSS JOIN usual u
    WHERE w.rule_id IS NULL AND p.occurred_at >= %(since)s AND p.occurred_at < %(until)s
        AND (%(everywhere)s OR w.district_id = ANY(%(districts)s))
        AND NOT EXISTS (SELECT FROM points_posting o WHERE o.reverses_id = p.id)
    UNION ALL
    SELECT 'handover', left(s.division_id, 6), p.actor_name, p.approver_name, r.courier_id, r.points, 1, (r.form_no <> '')::int
    FROM points_redemption r JOIN points_posting p ON p.id = r.ended_id JOIN stations_station s ON s.id = r.station_id
    WHERE r.status IN ('handed-over', 'returned') AND p.approver_name <> ''
        AND p.occurred_at >= %(since)s AND p.occurred_at < %(until)s
        AND (%(everywhere)s OR left(s.division_id, 6) = ANY(%(districts)s))
), part AS (
    SELECT deed, district, 'giver' AS role, giver AS staff, signer AS partner, courier_id, points, weight, late FROM once
    UNION ALL
    SELECT deed, district, 'signer', signer, giver, courier_id, points, weight, late FROM once WHERE signer IS NOT NULL
), pair AS (
    SELECT deed, district, role, staff, courier_id, mode() WITHIN GROUP (ORDER BY partner) AS partner, count(*) AS times,
        sum(points) AS points, sum(weight) AS weight, sum(late) AS late
    FROM part GROUP BY 1, 2, 3, 4, 5
), beside AS (
    SELECT *, sum(times) OVER own AS all_times, greatest(count(*) OVER own - 1, 1) AS other_couriers,
        (sum(times) OVER own - times) AS other_times, (sum(weight) OVER own - weight) AS other_weight,
        count(*) OVER () AS pairs
    FROM pair WINDOW own AS (PARTITION BY deed, district, role, staff)
), candidate AS (
    SELECT * FROM beside WHERE times >= %(fewest)s OR weight >= %(fewest)s AND times > 1
), others AS (
    SELECT c.deed, c.district, c.role, c.staff, c.courier_id, count(*)::float / count(DISTINCT o.giver) AS times,
        sum(o.weight) / count(DISTINCT o.giver) AS weight
    FROM candidate c JOIN once o USING (deed, district, courier_id)
    WHERE o.giver <> c.staff AND o.signer IS DISTINCT FROM c.staff
    GROUP BY 1, 2, 3, 4, 5
), spread AS (
    SELECT deed, sum(weight * weight) / sum(weight) AS by_weight FROM once GROUP BY 1
)
SELECT c.deed, c.district, c.staff, c.courier_id, k.code, coalesce(c.partner, ''), c.times, c.late, c.points, c.all_times, c.pairs,
    greatest(c.other_times::float / c.other_couriers, o.times), c.weight / s.by_weight,
    greatest(c.other_weight / c.other_couriers, o.weight) / s.by_weight
FROM candidate c JOIN couriers_courier k ON k.id = c.courier_id JOIN spread s USING (deed)
LEFT JOIN others o USING (deed, district, role, staff, courier_id)
"""


def stand_out(*, since: datetime, until: datetime, districts: Collection[str] | None = None) -> list[Pair]:
    """The pairs that stand out between two moments, the least likely first; in these districts (codes), or in all."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Everything is read once. A planner without fresh statistics would go through all of it again for each pair.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(
            _PAIRS,
            {
                "since": since, "until": until, "most": MOST_OF_ONE, "fewest": FEWEST,
                "everywhere": districts is None, "districts": list(districts or ()),
            },
        )  # fmt: skip
        rows = cursor.fetchall()
    found = []
    for (
        deed,
        district,
        staff,
        courier_id,
        courier,
        partner,
        times,
        late,
        points,
        of_all,
        pairs,
        usual,
        much,
        usually_much,
    ) in rows:
        expected = max(float(usual), LEAST_EXPECTED)
        chance = min(_at_least(times, expected), _at_least(int(much), max(float(usually_much), LEAST_EXPECTED)))
        # Each was looked at twice.
        if chance * pairs * 2 < CHANCE:
            found.append(
                Pair(
                    deed=deed, district=district, staff=staff, courier_id=courier_id, courier=courier, partner=partner,
                    times=times, late=int(late), points=int(points), of_all=int(of_all), expected=expected, chance=chance,
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
