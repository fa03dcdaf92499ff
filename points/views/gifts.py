"""What the public sees of gifts: so far their photos."""

from django.http import FileResponse, Http404, HttpRequest

from points.models import Gift
from stations import access

__all__ = ["gift_photo"]


def gift_photo(request: HttpRequest, code: str) -> FileResponse:
    """The photo of a gift, as core/images.py drew it anew. Of one that is no longer offered only its district sees it."""
    gift = Gift.objects.exclude(photo="").filter(code=code).first()
    if gift is None or not (
        gift.is_offered or access.scope_of(request.user).covers_division(str(gift.division_id))
    ):  # fmt: skip
        raise Http404
    try:
        response = FileResponse(gift.photo.open(), content_type="image/webp")
    except FileNotFoundError as error:  # the row was restored from a backup without its files
        raise Http404 from error
    # The address carries the file's random name, so a new photo has a new one.
    response["Cache-Control"] = "private, max-age=86400"
    return response
