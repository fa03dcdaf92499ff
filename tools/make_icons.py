"""Draws the app's icon once, as SVG and as the PNG sizes that phones ask for: `python -m tools.make_icons`.

A cell of the honeycomb with an open door in it. Both kinds are drawn from the polygons below, so they cannot drift; the
PNG files are committed, since nothing else at run time or in the tests needs to draw.
"""

import math
from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).resolve().parent.parent / "static" / "icons"
HONEY, WHITE, INK = "#f5b301", "#ffffff", "#1f2328"
SIDE = 512
# Drawn larger, then scaled down: Pillow's polygons have no smooth edges.
OVERSAMPLING = 4

Polygon = list[tuple[float, float]]


def cell(radius: float) -> Polygon:
    """A cell of the comb, standing on a corner, around the middle of the picture."""
    corners = [math.radians(60 * corner + 30) for corner in range(6)]
    return [(SIDE / 2 + radius * math.cos(angle), SIDE / 2 + radius * math.sin(angle)) for angle in corners]


# A doorway, and its half-open leaf with a handle. Everything stays in the middle 80 %, which a mask never cuts off.
SHAPES: list[tuple[str, Polygon]] = [
    (INK, cell(196)),
    (WHITE, cell(162)),
    (INK, [(196, 352), (196, 168), (316, 168), (316, 352)]),
    (HONEY, [(216, 352), (216, 188), (282, 214), (282, 378)]),
    (INK, [(258, 284), (270, 288), (270, 310), (258, 306)]),
]


def svg() -> str:
    shapes = "".join(
        f'<path fill="{colour}" d="M{" ".join(f"{x:.0f},{y:.0f}" for x, y in polygon)}z"/>'
        for colour, polygon in SHAPES
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}">'
        f'<rect width="{SIDE}" height="{SIDE}" rx="96" fill="{HONEY}"/>{shapes}</svg>\n'
    )


def png(side: int, *, rounded: bool) -> Image.Image:
    """`rounded` for icons shown as they are; square for those that the phone cuts to its own shape."""
    scale = OVERSAMPLING
    image = Image.new("RGBA", (SIDE * scale, SIDE * scale), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, SIDE * scale - 1, SIDE * scale - 1), radius=96 * scale if rounded else 0, fill=HONEY)
    for colour, polygon in SHAPES:
        draw.polygon([(x * scale, y * scale) for x, y in polygon], fill=colour)
    return image.resize((side, side), Image.Resampling.LANCZOS).quantize(64)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "app.svg").write_text(svg(), encoding="utf-8")
    png(192, rounded=True).save(FOLDER / "app-192.png", optimize=True)
    png(512, rounded=True).save(FOLDER / "app-512.png", optimize=True)
    png(512, rounded=False).save(FOLDER / "app-maskable-512.png", optimize=True)
    png(180, rounded=False).save(FOLDER / "app-180.png", optimize=True)


if __name__ == "__main__":
    main()
