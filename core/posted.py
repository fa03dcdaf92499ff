"""What a page without a form class reads of a form."""

from django.http import HttpRequest

__all__ = ["posted"]


def posted(request: HttpRequest, name: str) -> str:
    """The text that was sent under `name`, else an empty one. Without NUL, which no column can hold and nobody types."""
    return str(request.POST.get(name, "")).replace("\0", "")
