"""JSON as this API writes it: UTF-8, Chinese left readable, NaN never."""

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer

__all__ = ["GeoJSONRenderer", "JSONRenderer"]


class JSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None  # JSON is UTF-8 by its own standard

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 - DRF's signature
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> bytes:
        return b"" if data is None else orjson.dumps(data, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS)


class GeoJSONRenderer(JSONRenderer):
    """Features for map programs (RFC 7946)."""

    media_type = "application/geo+json"
    format = "geojson"
