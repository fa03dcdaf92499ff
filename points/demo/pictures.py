"""Plain drawings of the six gifts, for the demo, instead of photos of goods that nobody has."""

import io
from collections.abc import Callable

from PIL import Image, ImageDraw

from core.images import CleanPhoto, clean_photo

__all__ = ["drawing"]

# Drawn at twice the size, so that edges come out smooth.
_WIDTH, _HEIGHT, _SCALE = 640, 480, 2
_INK = "#2b2b33"
_Pen = Callable[[ImageDraw.ImageDraw], None]


def drawing(code: str) -> CleanPhoto:
    """The drawing of a gift in points/data/gifts.json, such as "umbrella"."""
    paper, pen = _DRAWINGS[code]
    sheet = Image.new("RGB", (_WIDTH * _SCALE, _HEIGHT * _SCALE), paper)
    pen(ImageDraw.Draw(sheet))
    out = io.BytesIO()
    sheet.resize((_WIDTH, _HEIGHT)).save(out, "PNG", compress_level=1)
    out.seek(0)
    return clean_photo(out)


def _stew_pot(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((320, 420, 960, 800), 110, "#c8553d", _INK, 12)
    draw.rounded_rectangle((230, 500, 330, 580), 36, _INK)
    draw.rounded_rectangle((950, 500, 1050, 580), 36, _INK)
    draw.pieslice((320, 230, 960, 620), 180, 360, "#f3dfc1", _INK, 12)
    draw.rounded_rectangle((590, 170, 690, 240), 30, _INK)
    draw.rectangle((320, 410, 960, 440), _INK)
    draw.ellipse((580, 570, 700, 690), "#f3dfc1", _INK, 10)
    draw.line((640, 630, 675, 595), _INK, 12)


def _umbrella(draw: ImageDraw.ImageDraw) -> None:
    draw.line((640, 150, 640, 760), _INK, 20)
    draw.arc((640, 690, 780, 830), 0, 180, _INK, 20)
    draw.pieslice((240, 190, 1040, 990), 180, 360, "#2f6f8f", _INK, 12)
    for left in range(240, 1040, 200):
        draw.pieslice((left, 540, left + 200, 640), 180, 360, "#e7f0f4", _INK, 10)
    draw.arc((440, 190, 840, 990), 180, 360, _INK, 10)


def _laundry_liquid(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((400, 330, 880, 850), 80, "#3d7dca", _INK, 12)
    draw.rounded_rectangle((500, 180, 680, 340), 24, "#f5b301", _INK, 12)
    draw.rounded_rectangle((730, 420, 830, 640), 46, "#e3edf8", _INK, 12)
    draw.rounded_rectangle((450, 480, 680, 760), 30, "#ffffff", _INK, 8)
    for left, top, size in ((500, 640, 70), (580, 570, 90), (520, 530, 50)):
        draw.ellipse((left, top, left + size, top + size), "#bcd7f3", _INK, 6)


def _paper(draw: ImageDraw.ImageDraw) -> None:
    draw.arc((470, 230, 810, 620), 180, 360, _INK, 24)
    draw.rounded_rectangle((300, 400, 980, 800), 50, "#7fae7b", _INK, 12)
    draw.rounded_rectangle((380, 490, 900, 710), 30, "#ffffff", _INK, 8)
    for top in (545, 600, 655):
        draw.line((440, top, 840, top), "#bcd3ba", 14)


def _hand_soap(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((450, 400, 830, 860), 70, "#e58fa5", _INK, 12)
    draw.rectangle((560, 330, 720, 410), "#ffffff", _INK, 12)
    draw.rectangle((615, 230, 665, 340), _INK)
    draw.rounded_rectangle((440, 180, 740, 250), 30, "#ffffff", _INK, 12)
    draw.line((450, 215, 450, 290), _INK, 16)
    draw.ellipse((540, 520, 740, 720), "#ffffff", _INK, 8)
    draw.polygon(((640, 550), (580, 650), (700, 650)), "#8fc3e8")
    draw.pieslice((580, 590, 700, 710), 0, 180, "#8fc3e8")


def _washing_powder(draw: ImageDraw.ImageDraw) -> None:
    draw.polygon(((380, 250), (900, 250), (950, 850), (330, 850)), "#f0c75e", _INK, 12)
    draw.rectangle((370, 180, 910, 260), "#ffffff", _INK, 12)
    for left in range(400, 900, 60):
        draw.line((left, 190, left, 250), "#c9c2ae", 8)
    draw.ellipse((460, 400, 820, 740), "#ffffff", _INK, 10)
    for left, top, size in ((530, 560, 110), (640, 500, 90), (620, 620, 70), (560, 480, 50)):
        draw.ellipse((left, top, left + size, top + size), "#cfe3f1", _INK, 6)


_DRAWINGS: dict[str, tuple[str, _Pen]] = {
    "stew-pot": ("#fbeee6", _stew_pot),
    "umbrella": ("#e7f0f4", _umbrella),
    "laundry-liquid": ("#eef4fb", _laundry_liquid),
    "paper": ("#eff5ee", _paper),
    "hand-soap": ("#fbeef1", _hand_soap),
    "washing-powder": ("#fcf6e4", _washing_powder),
}
