"""Make static/stations/wuhan_districts.json, the map under the finder, from stations/data/wuhan_districts.geojson.

    .venv/bin/python tools/simplify_outlines.py

A border between two districts is cut out once as a chain of points, thinned once, and used by both, so the districts
still meet without gaps. A pond or an exclave smaller than a few pixels is dropped.
"""

import csv
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from math import cos, hypot, radians
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "stations" / "data" / "wuhan_districts.geojson"
ENGLISH = ROOT / "stations" / "data" / "wuhan_english.csv"
TARGET = ROOT / "static" / "stations" / "wuhan_districts.json"
TOLERANCE_DEG = 0.0012  # 130 m on the ground: less than a pixel until the map is zoomed in to a few streets
SMALLEST_KM2 = 0.15
DECIMALS = 4
SQUEEZE = cos(radians(30.6))  # how much shorter a degree of longitude is than one of latitude

Vertex = tuple[float, float]
Chain = tuple[Vertex, ...]


def thinned(chain: Chain) -> Chain:
    """Douglas-Peucker: the ends stay, and every dropped vertex lies within the tolerance of what is left."""
    if len(chain) < 3:
        return chain
    (x0, y0), (x1, y1) = chain[0], chain[-1]
    dx, dy = (x1 - x0) * SQUEEZE, y1 - y0
    length = hypot(dx, dy)

    def off(vertex: Vertex) -> float:
        px, py = (vertex[0] - x0) * SQUEEZE, vertex[1] - y0
        return abs(px * dy - py * dx) / length if length else hypot(px, py)

    farthest = max(range(1, len(chain) - 1), key=lambda at: off(chain[at]))
    if off(chain[farthest]) <= TOLERANCE_DEG:
        return chain[0], chain[-1]
    return thinned(chain[: farthest + 1])[:-1] + thinned(chain[farthest:])


def rings_of(geometry: dict[str, Any]) -> Iterator[tuple[int, list[Vertex]]]:
    """Each ring, open, with the number of its polygon."""
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    for number, polygon in enumerate(polygons):
        for ring in polygon:
            yield number, [(x, y) for x, y in ring[:-1]]


def junctions_of(features: list[dict[str, Any]]) -> set[Vertex]:
    """The vertices at which a chain begins or ends: three lines meet, or a shared border becomes a district's own."""
    neighbours: defaultdict[Vertex, set[Vertex]] = defaultdict(set)
    owners: defaultdict[frozenset[Vertex], set[str]] = defaultdict(set)
    for feature in features:
        for _number, ring in rings_of(feature["geometry"]):
            for before, vertex in zip([ring[-1], *ring], ring, strict=False):
                neighbours[before].add(vertex)
                neighbours[vertex].add(before)
                owners[frozenset((before, vertex))].add(feature["id"])
    return {
        vertex
        for vertex, beside in neighbours.items()
        if len(beside) != 2 or len({frozenset(owners[frozenset((vertex, other))]) for other in beside}) > 1
    }


def simplified(ring: list[Vertex], junctions: set[Vertex]) -> list[Vertex]:
    """The thinned ring, open."""
    cuts = [at for at, vertex in enumerate(ring) if vertex in junctions]
    if not cuts:
        # An island: it is cut at two vertices that do not depend on where a district begins to walk around it.
        low, high = ring.index(min(ring)), ring.index(max(ring))
        cuts = sorted({low, high})
    turned = ring[cuts[0] :] + ring[: cuts[0]]
    ends = [at - cuts[0] for at in cuts] + [len(ring)]
    closed = [*turned, turned[0]]
    result: list[Vertex] = []
    for start, end in pairwise(ends):
        chain = tuple(closed[start : end + 1])
        # The same direction for both neighbours, so that they keep the same vertices.
        result += thinned(chain)[:-1] if chain <= chain[::-1] else thinned(chain[::-1])[::-1][:-1]
    return result


def area_km2(ring: list[Vertex]) -> float:
    doubled = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True))
    return abs(doubled) / 2 * SQUEEZE * 111.195**2


def english_names() -> dict[str, str]:
    """Code → the name in English, as short as a label on a map must be."""
    lines = (line for line in ENGLISH.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {row["key"]: row["name_en"].removesuffix(" District") for row in csv.DictReader(lines)}


def main() -> int:
    english = english_names()
    collection = json.loads(SOURCE.read_text(encoding="utf-8"))
    features = collection["features"]
    junctions = junctions_of(features)
    outlines = []
    for feature in features:
        polygons: defaultdict[int, list[list[list[float]]]] = defaultdict(list)
        for number, ring in rings_of(feature["geometry"]):
            thin = simplified(ring, junctions)
            if len(thin) < 3 or area_km2(thin) < SMALLEST_KM2:
                continue
            polygons[number].append([[round(x, DECIMALS), round(y, DECIMALS)] for x, y in [*thin, thin[0]]])
        properties = feature["properties"]
        outlines.append(
            {
                "type": "Feature",
                "id": feature["id"],
                "properties": {
                    "code": properties["code"],
                    "name": properties["name"],
                    "name_en": english[properties["code"]],
                    "label": [round(properties["label_lng"], DECIMALS), round(properties["label_lat"], DECIMALS)],
                },
                "geometry": {"type": "MultiPolygon", "coordinates": list(polygons.values())},
            }
        )
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "title": "示意图",
                "note": "For choosing a district, not for legal borders. WGS-84.",
                "source": collection["source"],
                "features": outlines,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        + "\n",
        encoding="utf-8",
    )
    sys.stdout.write(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
