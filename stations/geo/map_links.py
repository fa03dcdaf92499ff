"""Links that open a place in the map apps people have. Note the order of the coordinates: each app has its own."""

from dataclasses import dataclass
from urllib.parse import quote

from stations.geo.datums import Crs, Point, from_wgs84

__all__ = ["MapLinks", "map_links"]

_SOURCE_NAME = "fengchao"  # how the map apps know us: 高德 and 百度 call it src, 腾讯 referer
# The value of 腾讯's marker is a list of its own, so its separators must not occur in a name.
_TENCENT_SEPARATORS = str.maketrans({";": "；", ":": "："})


@dataclass(frozen=True, slots=True)
class MapLinks:
    """One place in five map apps. No key is needed for any of them."""

    amap: str
    tencent: str
    baidu: str
    apple: str
    geo: str


def map_links(point: Point, *, name: str, address: str = "") -> MapLinks:
    """Links to `point` (WGS-84); each names the datum if the app can be told; otherwise the point is shifted to the app's.

    Source: docs/sources.md#map-links
    """
    gcj02 = from_wgs84(point, Crs.GCJ02)
    gcj02_latitude, gcj02_longitude = f"{gcj02.latitude:.6f}", f"{gcj02.longitude:.6f}"
    latitude, longitude = f"{point.latitude:.6f}", f"{point.longitude:.6f}"
    marker = f"coord:{gcj02_latitude},{gcj02_longitude};title:{name.translate(_TENCENT_SEPARATORS)}"
    if address:
        marker += f";addr:{address.translate(_TENCENT_SEPARATORS)}"
    title = _encoded(name)
    return MapLinks(
        amap=(
            f"https://uri.amap.com/marker?position={gcj02_longitude},{gcj02_latitude}&name={title}"
            f"&src={_SOURCE_NAME}&coordinate=gaode&callnative=1"
        ),
        tencent=f"https://apis.map.qq.com/uri/v1/marker?marker={_encoded(marker)}&referer={_SOURCE_NAME}",
        baidu=(
            f"https://api.map.baidu.com/marker?location={gcj02_latitude},{gcj02_longitude}&title={title}"
            f"&content={_encoded(address or name)}&output=html&coord_type=gcj02&src={_SOURCE_NAME}"
        ),
        apple=f"https://maps.apple.com/?ll={gcj02_latitude},{gcj02_longitude}&q={title}",
        geo=f"geo:{latitude},{longitude}?q={latitude},{longitude}({title})",
    )


def _encoded(text: str) -> str:
    return quote(text, safe="")
