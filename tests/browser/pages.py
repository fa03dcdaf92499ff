"""The public pages, for tests that hold on every one of them."""

__all__ = ["PUBLIC_PAGES", "STATION"]

STATION = "/stations/WH-WC-0001/"
PUBLIC_PAGES = {
    "finder": "/",
    "nearest": "/?lat=30.58010&lng=114.34020&accuracy_m=20",
    "rough position": "/?lat=30.58010&lng=114.34020&accuracy_m=3000",
    "filtered": "/?amenity=toilet&open=now&tier=1",
    "nothing found": "/?q=没有这样的地方",
    "mistake": "/?tier=9",
    "places": "/places/",
    "refused": "/places/?why=no-position",
    "station": STATION,
    "hours unknown": "/stations/WH-WC-0802/",
    "no position": "/stations/WH-WC-0803/",
    "districts": "/districts/",
    "district": "/districts/420106/",
    "poster": f"{STATION}poster/",
    "about": "/about/",
    "no signal": "/offline/",
    "not found": "/no-such-page/",
}
