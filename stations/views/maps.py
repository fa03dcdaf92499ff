"""What a page tells the map script: where tiles come from, and which map apps there are."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.translation import gettext, pgettext

from stations.geo import MapLinks

__all__ = ["AppLink", "app_links", "tiles"]

# 天地图 draws map and labels as two layers. Source: https://lbs.tianditu.gov.cn/server/MapService.html
_TIANDITU = (
    "https://t{{s}}.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={layer}"
    "&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={key}"
)


@dataclass(frozen=True, slots=True)
class AppLink:
    """A link that opens the station in one map app."""

    app: str
    name: str
    url: str


def app_links(links: MapLinks) -> list[AppLink]:
    """The links in the order in which couriers here use the apps."""
    return [
        AppLink("amap", pgettext("map app", "Amap"), links.amap),
        AppLink("tencent", pgettext("map app", "Tencent Maps"), links.tencent),
        AppLink("baidu", pgettext("map app", "Baidu Maps"), links.baidu),
        AppLink("apple", pgettext("map app", "Apple Maps"), links.apple),
        AppLink("geo", pgettext("map app", "Another app on this phone"), links.geo),
    ]


@cache
def _tile_urls() -> str:
    if settings.TIANDITU_KEY:
        return " ".join(_TIANDITU.format(layer=layer, key=settings.TIANDITU_KEY) for layer in ("vec", "cva"))
    return settings.MAP_TILE_URL


def tiles() -> dict[str, Any]:
    """The URLs of the tiles (two are separated by a space) and whom to credit for them; without any, only outlines are drawn."""
    attribution = gettext("Map: Tianditu") if settings.TIANDITU_KEY else settings.MAP_TILE_ATTRIBUTION
    return {"tile_url": _tile_urls(), "tile_attribution": attribution}
