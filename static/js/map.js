// The map beside a list, loaded by finder.js when somebody asks for it. WGS-84 throughout; needs Leaflet and site.js.
(function () {
  "use strict";

  const WUHAN = [30.58, 114.30];
  const APART_PX = 34;
  const site = window.fengchao;

  site.drawMap = function (place) {
    // Outlines are coarse and say nothing if zoomed in further, so only tiles may be.
    const tiles = place.getAttribute("data-tile-url");
    const map = L.map(place, {center: WUHAN, zoom: 11, minZoom: 8, maxZoom: 18, zoomControl: false, attributionControl: true});
    // Leaflet's own buttons have English names.
    L.control.zoom({zoomInTitle: site.text("map-closer"), zoomOutTitle: site.text("map-farther")}).addTo(map);
    map.attributionControl.setPrefix(false);
    if (tiles) {
      // 天地图 draws map and labels as two layers; their URLs are separated by a space.
      tiles.split(" ").forEach(function (address) {
        L.tileLayer(address, {subdomains: place.getAttribute("data-tile-subdomains") || "01234567", maxZoom: 18}).addTo(map);
      });
      map.attributionControl.addAttribution(asText(place.getAttribute("data-tile-attribution") || ""));
    } else {
      map.attributionControl.addAttribution(asText(site.text("map-schematic")));
    }
    const nameOf = document.documentElement.lang === "en" ? "name_en" : "name";
    const division = (place.getAttribute("data-division") || "").slice(0, 6);
    fetch(place.getAttribute("data-outline-url")).then(function (response) { return response.json(); }).then(function (outline) {
      const drawn = L.geoJSON(outline, {interactive: false, style: function (feature) {
        const isIt = feature.properties.code === division;
        return {color: "#7a5c00", weight: isIt ? 3 : 1.5, fillColor: "#f5b301", fillOpacity: tiles ? 0 : isIt ? 0.2 : 0.06};
      }}).addTo(map);
      outline.features.forEach(function (feature) {
        const name = L.divIcon({className: "map-name", html: site.make("span", {}, feature.properties[nameOf]), iconSize: [90, 24]});
        L.marker(feature.properties.label.slice().reverse(), {icon: name, interactive: false, keyboard: false, zIndexOffset: -1000}).addTo(map);
      });
      drawn.eachLayer(function (layer) {
        if (layer.feature.properties.code === division && isWhole && !/[?&]bbox=/.test(window.location.search)) {
          map.fitBounds(mainPart(layer.feature.geometry), {animate: false});
        }
      });
    }).catch(function () { /* the points are what matters */ });

    const markers = {};
    const layer = L.layerGroup().addTo(map);
    const isWhole = place.getAttribute("data-division") && place.getAttribute("data-division") === division;
    let features = [], marked = "";

    function refresh(isFitted) {
      return fetch(place.getAttribute("data-points-url"), {credentials: "same-origin"}).then(function (response) {
        if (!response.ok) throw new Error(response.status);
        return response.json();
      }).then(function (points) {
        features = points.features.filter(function (feature) { return feature.geometry; });
        const listed = {}, all = [], near = [];
        cards().forEach(function (card) { listed[card.getAttribute("data-station")] = true; });
        features.forEach(function (feature) {
          const at = where(feature);
          all.push(at);
          if (listed[feature.properties.code]) near.push(at);
        });
        const me = /[?&]lat=([\d.-]+)&lng=([\d.-]+)/.exec(window.location.search);
        if (me) {
          near.push(L.latLng(me[1], me[2]));
        }
        // Fits the map to the list; all stations that match may be all over the city.
        const seen = near.length ? near : all;
        if (isFitted && !isWhole && seen.length) map.fitBounds(L.latLngBounds(seen).pad(0.1), {maxZoom: 16, animate: false});
        drawAll();
      }).catch(function () { site.say(place.parentNode, site.text("map-failed")); });
    }

    function cards() { return Array.prototype.slice.call(document.querySelectorAll("#results [data-station]")); }

    function where(feature) { return L.latLng(feature.geometry.coordinates[1], feature.geometry.coordinates[0]); }

    // Pins that would overlap at this zoom are drawn as one, with their number.
    function drawAll() {
      layer.clearLayers();
      Object.keys(markers).forEach(function (code) { delete markers[code]; });
      const groups = [];
      features.forEach(function (feature) {
        const at = map.project(where(feature));
        const group = groups.filter(function (one) { return Math.abs(one.at.x - at.x) < APART_PX && Math.abs(one.at.y - at.y) < APART_PX; })[0];
        if (group) group.features.push(feature);
        else groups.push({at: at, features: [feature]});
      });
      groups.forEach(function (group) {
        const only = group.features.length === 1 && group.features[0];
        if (only && !only.properties.stations) drawOne(only);
        else drawMany(group.features);
      });
      const me = /[?&]lat=([\d.-]+)&lng=([\d.-]+)/.exec(window.location.search);
      if (me) L.circleMarker([me[1], me[2]], {radius: 9, color: "#ffffff", weight: 3, fillColor: "#0b57d0", fillOpacity: 1, interactive: false}).addTo(layer);
      showMarked();
    }
    map.on("zoomend", drawAll);

    function drawMany(group) {
      const bounds = L.latLngBounds(group.map(where));
      const count = String(group.reduce(function (sum, feature) { return sum + (feature.properties.stations || 1); }, 0));
      const marker = L.marker(bounds.getCenter(), {icon: pin("map-pin map-pin--many", count), alt: count, title: count}).addTo(layer);
      group.forEach(function (feature) { if (feature.properties.code) markers[feature.properties.code] = marker; });
      // At one address, or at the nearest zoom, they are told apart by name.
      if (map.getBoundsZoom(bounds.pad(0.2)) > map.getZoom() && map.getZoom() < map.getMaxZoom() && !bounds.getNorthEast().equals(bounds.getSouthWest())) {
        marker.on("click", function () { map.fitBounds(bounds.pad(0.2), {animate: false}); });
      } else if (group[0].properties.stations) {
        marker.on("click", function () { map.setView(bounds.getCenter(), map.getZoom() + 2); });
      } else {
        marker.bindPopup(function () { return namesOf(group); });
      }
    }

    function namesOf(group) {
      const box = site.make("ul", {"class": "map-names"});
      group.forEach(function (feature) {
        const facts = feature.properties;
        const line = box.appendChild(site.make("li"));
        line.appendChild(site.make("a", {href: facts.url || "/stations/" + encodeURIComponent(facts.code) + "/"}, facts.name));
        // In words what the pin says by its colour.
        line.appendChild(document.createTextNode(" · " + site.text(facts.is_open ? "map-pin-open" : "map-pin-other")));
      });
      return box;
    }

    function drawOne(feature) {
      const facts = feature.properties;
      const isOpen = facts.is_open;
      const marker = L.marker(where(feature), {
        icon: pin("map-pin" + (isOpen ? " map-pin--open" : ""), facts.tier ? String(facts.tier) : "·"),
        alt: facts.name, title: facts.name, riseOnHover: true,
      });
      marker.bindPopup(function () { return namesOf([feature]); });
      marker.on("click", function () { mark(facts.code, true); });
      marker.addTo(layer);
      markers[facts.code] = marker;
    }

    function pin(className, text) {
      return L.divIcon({className: className, html: site.make("span", {}, text), iconSize: [44, 44], iconAnchor: [22, 40], popupAnchor: [0, -36]});
    }

    // ── Card and marker in step ────────────────────────────────────────────────────────────────────────────────────

    function mark(code, isFromMap) {
      cards().forEach(function (card) {
        const isIt = card.getAttribute("data-station") === code;
        card.classList[isIt ? "add" : "remove"]("is-marked");
        if (isIt && isFromMap) card.scrollIntoView({block: "nearest"});
      });
      marked = code;
      showMarked();
    }
    function showMarked() {
      Object.keys(markers).forEach(function (other) {
        const icon = markers[other].getElement(), isIt = markers[other] === markers[marked];
        if (icon) icon.classList[isIt ? "add" : "remove"]("is-marked");
        markers[other].setZIndexOffset(isIt ? 1000 : 0);
      });
    }
    ["mouseover", "focusin", "touchstart"].forEach(function (kind) {
      document.addEventListener(kind, function (event) {
        const card = event.target.closest && event.target.closest("#results [data-station]");
        if (card) mark(card.getAttribute("data-station"), false);
      }, {passive: true});
    });

    // ── 搜这一带 ─────────────────────────────────────────────────────────────────────────────────────────────────────

    const here = site.make("button", {type: "button", id: "search-here", "class": "button", hidden: ""}, site.text("search-here"));
    place.parentNode.insertBefore(here, place.nextSibling);
    let isMovedByHand = false;
    map.on("dragstart", function () { isMovedByHand = true; });
    place.addEventListener("keydown", function () { isMovedByHand = true; });
    place.addEventListener("wheel", function () { isMovedByHand = true; }, {passive: true});
    place.addEventListener("click", function (event) {
      if (event.target.closest && event.target.closest(".leaflet-control-zoom")) isMovedByHand = true;
    }, true);
    map.on("moveend", function () { if (isMovedByHand) here.hidden = false; });
    here.addEventListener("click", function () {
      const query = new URLSearchParams(window.location.search);
      const box = map.getBounds();
      query.set("bbox", [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()].map(function (edge) { return edge.toFixed(5); }).join(","));
      query.delete("cursor");
      here.hidden = true;
      isMovedByHand = false;
      site.load(window.location.pathname + "?" + query);
    });

    document.addEventListener("fengchao:list", function () { refresh(!/[?&]bbox=/.test(window.location.search)); });
    return refresh(true);
  };

  // A district is shown whole, without far-off exclaves.
  function mainPart(geometry) {
    const parts = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    return parts.map(function (part) {
      return L.latLngBounds(part[0].map(function (corner) { return [corner[1], corner[0]]; }));
    }).sort(function (one, other) { return size(other) - size(one); })[0];
  }
  function size(bounds) { return (bounds.getNorth() - bounds.getSouth()) * (bounds.getEast() - bounds.getWest()); }

  function asText(text) {
    const line = document.createElement("span");
    line.textContent = text;
    return line.innerHTML;
  }
})();
