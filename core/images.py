"""Pictures that come from outside: decoded under limits, and only their pixels kept.

What a camera or an attacker wrote beside the pixels (where and when it was taken, comments, a second file) never reaches
the disk, since the picture is drawn anew in another format.
"""

import io
import secrets
import warnings
from dataclasses import dataclass
from typing import BinaryIO

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from PIL import Image, ImageOps

from core.errors import DomainError

__all__ = ["MAX_BYTES", "CleanPhoto", "PhotoRefused", "clean_photo"]

MAX_BYTES = 8 * 1024 * 1024
# A picture of 12 KB can claim 100 megapixels and fill the memory when it is decoded. The limits are what each decoder can
# do below 256 MB: a JPEG is decoded at a fraction of its size, unless it is progressive; WebP costs 15 bytes a pixel.
MAX_MEGAPIXELS = {"JPEG": 40, "PNG": 24, "WEBP": 8}
MAX_MEGAPIXELS_PROGRESSIVE = 16
LONGEST_SIDE_PX = 1600


class PhotoRefused(DomainError):
    """The file is no picture that can be shown. `detail` says why, and the way out."""

    code, status = "photo_refused", 400
    title = gettext_lazy("This photo cannot be used.")


@dataclass(frozen=True, slots=True)
class CleanPhoto:
    """A picture drawn anew: WebP, nothing but pixels, under a name that says nothing and cannot be guessed."""

    name: str
    content: bytes


def clean_photo(file: BinaryIO) -> CleanPhoto:
    """The picture in `file`, upright, at most 1600 pixels long.   Raises: PhotoRefused."""
    content = file.read(MAX_BYTES + 1)
    if not content:
        raise PhotoRefused(_("The file is empty. Choose another one."))
    if len(content) > MAX_BYTES:
        raise PhotoRefused(_("The file is larger than 8 MB. Send the photo in a smaller size."))
    try:
        with warnings.catch_warnings():
            # Pillow only warns of what it thinks suspicious; our own limit follows before anything is decoded.
            warnings.simplefilter("ignore")
            # Once to look for damage, which leaves the picture unusable, and once to draw it.
            with _opened(content) as picture:
                picture.verify()
            with _opened(content) as picture:
                drawn = _drawn_anew(picture)
    except PhotoRefused:
        raise
    except Image.DecompressionBombError:
        raise _too_many_pixels(max(MAX_MEGAPIXELS.values())) from None
    except Exception as error:  # decoders raise whatever a broken file makes them trip over
        raise PhotoRefused(_("The file is no photo, or it is damaged. Choose a JPEG, PNG or WebP picture.")) from error
    out = io.BytesIO()
    drawn.save(out, "WEBP", quality=82, method=4)
    return CleanPhoto(f"{secrets.token_hex(12)}.webp", out.getvalue())


def _opened(content: bytes) -> Image.Image:
    """The picture with its header read and nothing decoded yet.   Raises: PhotoRefused."""
    # Only what phones and office programs write, and whose decoders are the most tested.
    picture = Image.open(io.BytesIO(content), formats=list(MAX_MEGAPIXELS))
    # A phone's JPEG with a second picture behind the first calls itself MPO.
    limit = MAX_MEGAPIXELS.get(picture.format or "", MAX_MEGAPIXELS["JPEG"])
    if picture.info.get("progressive"):
        limit = MAX_MEGAPIXELS_PROGRESSIVE
    if picture.width * picture.height > limit * 1_000_000:
        picture.close()
        raise _too_many_pixels(limit)
    return picture


def _too_many_pixels(limit: int) -> PhotoRefused:
    return PhotoRefused(
        _("The photo has more than {limit} million pixels. Send it in a smaller size, or as JPEG.").format(limit=limit)
    )


def _drawn_anew(picture: Image.Image) -> Image.Image:
    # A JPEG is decoded at a fraction of its size where that is enough.
    picture.draft("RGB", (LONGEST_SIDE_PX, LONGEST_SIDE_PX))
    picture.load()
    picture.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))
    upright = ImageOps.exif_transpose(picture).convert("RGBA")
    # Pixels alone go onto the new sheet: re-saving the old one would keep a JPEG's comment.
    sheet = Image.new("RGB", upright.size, "white")
    sheet.paste(upright, mask=upright.getchannel("A"))
    return sheet
