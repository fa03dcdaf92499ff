"""Photos from outside: hostile and broken files are refused with a reason, and of the others only the pixels are kept."""

import contextlib
import io
import json
import random
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from core.images import LONGEST_SIDE_PX, MAX_BYTES, CleanPhoto, PhotoRefused, clean_photo
from tests.proving import counted


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *, bits: int = 8, colour: int = 2, data: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(data))
        + png_chunk(b"IEND", b"")
    )


def picture(format: str = "JPEG", size: tuple[int, int] = (640, 480), mode: str = "RGB", **options: object) -> bytes:  # noqa: A002
    out = io.BytesIO()
    Image.new(mode, size, "orange" if mode == "RGB" else 0).save(out, format, **options)
    return out.getvalue()


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("index.html", "<script>alert(1)</script>")
    return out.getvalue()


def bomb(width: int = 10_000, height: int = 10_000) -> bytes:
    """100 megapixels in some kilobytes."""
    return png(width, height, bits=1, colour=0, data=b"\0" * ((width // 8 + 1) * height))


HOSTILE = {
    "empty": b"",
    "text": b"not a photo at all",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "svg-with-entities": b'<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg">&b;</svg>',
    "html": b"<html><img src=x onerror=alert(1)></html>",
    "pdf": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n",
    "zip": archive(),
    "executable": b"MZ" + b"\0" * 500,
    "gif-polyglot": b"GIF89a/*" + b"\0" * 20 + b"*/=1;alert(1)",
    "gif": picture("GIF"),
    "bmp": picture("BMP"),
    "tiff": picture("TIFF"),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(%pipe%id) (w) file\n",
    "png-100-megapixels": bomb(),
    "png-of-a-line": bomb(2**30, 1)[:2000],
    "png-claims-4-gigapixels": png(65_535, 65_535),
    "png-transparent-40-megapixels": png(8_000, 5_000, colour=6),
    "webp-9-megapixels": picture("WEBP", (3_600, 2_500)),
    "jpeg-progressive-20-megapixels": picture("JPEG", (5_000, 4_000), progressive=True),
    "png-truncated": picture("PNG", (800, 600))[:400],
    "png-wrong-checksum": picture("PNG").replace(b"IDAT", b"IDAX"),
    "png-without-pixels": png(640, 480),
    "jpeg-truncated": picture("JPEG", (800, 600))[:2_000],
    "jpeg-header-only": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "webp-truncated": picture("WEBP", (800, 600))[:60],
    "webp-header-only": b"RIFF\xff\xff\xff\x7fWEBPVP8 ",
    "larger-than-8-mb": picture("PNG") + b"\0" * MAX_BYTES,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_photo_is_refused_with_a_way_out(name: str) -> None:
    started = time.process_time()
    with pytest.raises(PhotoRefused) as refusal:
        clean_photo(io.BytesIO(HOSTILE[name]))
    assert str(refusal.value.detail)
    assert time.process_time() - started < 2
    counted("T09", "photos that are none, or too large", files=1, refused=1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_damaged_photo_is_refused_or_drawn_anew_and_never_a_fault(kind: str) -> None:
    """Cut off anywhere, or with bytes that another wrote anywhere: what comes out is a picture of ours, or a refusal."""
    chance = random.Random(kind)
    out = io.BytesIO()
    Image.effect_noise((160, 120), 80).convert("RGB").save(out, kind)
    whole = out.getvalue()
    drawn = []
    for number in range(70):
        damaged = bytearray(whole[: chance.randrange(1, len(whole))] if number % 2 else whole)
        for _each in range(0 if number % 2 else chance.randrange(1, 40)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        started = time.process_time()
        with contextlib.suppress(PhotoRefused):
            drawn.append(clean_photo(io.BytesIO(bytes(damaged))).content)
        assert time.process_time() - started < 2
    assert {Image.open(io.BytesIO(content)).format for content in drawn} <= {"WEBP"}
    # A PNG's checksums find each damage; of the others some still make a picture, so both ways were gone.
    assert len(drawn) == 0 if kind == "PNG" else 0 < len(drawn) < 70
    counted("T09", "photos cut off or damaged", files=70, refused=70 - len(drawn), drawn_anew=len(drawn), faults=0)


@pytest.mark.parametrize(
    ("name", "words"),
    [("png-100-megapixels", "24"), ("larger-than-8-mb", "8 MB"), ("svg", "JPEG"), ("jpeg-truncated", "JPEG")],
)
def test_the_refusal_says_which_limit_was_met(name: str, words: str) -> None:
    with pytest.raises(PhotoRefused) as refusal:
        clean_photo(io.BytesIO(HOSTILE[name]))
    assert words in str(refusal.value.detail)


def test_all_hostile_files_together_stay_below_256_mb(tmp_path: Path) -> None:
    for name, content in HOSTILE.items():
        (tmp_path / name).write_bytes(content)
    # The largest that are still taken.
    (tmp_path / "largest.png").write_bytes(picture("PNG", (6_000, 4_000)))
    (tmp_path / "largest.jpeg").write_bytes(picture("JPEG", (8_000, 5_000)))
    (tmp_path / "largest.progressive").write_bytes(picture("JPEG", (4_000, 4_000), progressive=True, subsampling=0))
    (tmp_path / "largest.webp").write_bytes(picture("WEBP", (4_000, 2_000)))
    program = """
import json, pathlib, re, sys
from django.conf import settings
settings.configure(USE_I18N=False)
from core.images import PhotoRefused, clean_photo
taken = []
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    with path.open("rb") as file:
        try:
            clean_photo(file)
        except PhotoRefused:
            continue
        taken.append(path.name)
peak_kb = int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
print(json.dumps({"taken": taken, "peak_mb": peak_kb / 1024}))
"""
    ran = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True, text=True)
    answer = json.loads(ran.stdout)
    assert answer["taken"] == ["largest.jpeg", "largest.png", "largest.progressive", "largest.webp"]
    assert answer["peak_mb"] < 256
    counted("T09", "all those photos in one process, in megabytes at most", peak=int(answer["peak_mb"]))


def stuffed_jpeg() -> bytes:
    """A photo that says where it was taken, carries a comment, lies on its side, and has an archive behind it."""
    image = Image.new("RGB", (400, 200), "orange")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    exif[0x010E] = "SECRET description"
    exif.get_ifd(0x8825)[1] = "N"
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, comment=b"SECRET comment", icc_profile=b"SECRET profile")
    return out.getvalue() + archive() + b"<script>SECRET()</script>"


def test_nothing_but_pixels_is_kept() -> None:
    photo = clean_photo(io.BytesIO(stuffed_jpeg()))
    assert b"SECRET" not in photo.content
    assert b"PK\x03\x04" not in photo.content
    kept = Image.open(io.BytesIO(photo.content))
    assert kept.format == "WEBP"
    assert not kept.getexif()
    assert set(kept.info) <= {"loop", "background", "timestamp", "duration"}


def size_of(photo: CleanPhoto) -> tuple[int, int]:
    return Image.open(io.BytesIO(photo.content)).size


def test_a_photo_on_its_side_is_turned_upright() -> None:
    photo = clean_photo(io.BytesIO(stuffed_jpeg()))
    assert size_of(photo) == (200, 400)


def test_text_in_a_png_is_dropped() -> None:
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", "SECRET")
    assert b"SECRET" not in clean_photo(io.BytesIO(picture("PNG", pnginfo=note))).content


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16"])
def test_every_kind_of_png_becomes_a_picture(mode: str) -> None:
    photo = clean_photo(io.BytesIO(picture("PNG", (300, 200), mode)))
    assert size_of(photo) == (300, 200)


def test_a_large_photo_is_made_smaller_and_names_tell_nothing() -> None:
    first, second = (clean_photo(io.BytesIO(picture(size=(6_000, 4_000)))) for _each in range(2))
    assert max(size_of(first)) == LONGEST_SIDE_PX
    assert first.name != second.name
    assert first.name.endswith(".webp")
