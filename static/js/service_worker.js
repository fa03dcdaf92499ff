// Served at /sw.js by stations/views/pwa.py, which puts one line before this: const SETTINGS = {version, static, ...}.
// Pages come from the network; without signal, with hardly any, or while the server is down, it shows the kept copy of the page,
// else the last one at that path, else /offline/.
// Never kept: what is posted, the admin, the API, a courier's own pages, a door's or cabinet's URL (its token is a key), other hosts.
"use strict";

const KEPT_AT_MOST = {pages: 40, files: 80};
const SLOW_MS = 6000;
const AWAY = [502, 503, 504];
const GONE = [404, 410];
const HASHED = /\.[0-9a-f]{12}\./;

self.addEventListener("install", event => {
  event.waitUntil(Promise.all([
    caches.open("offline").then(cache => cache.add(SETTINGS.offline)),
    caches.open("files").then(cache => cache.addAll(SETTINGS.files)),
  ]).then(() => self.skipWaiting()));
});

self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", event => {
  const request = event.request, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (SETTINGS.never.some(path => url.pathname.startsWith(path))) {
    // Opened from the home screen there is no way back from the browser's own page of what failed.
    if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => caches.match(SETTINGS.offline)));
  } else if (url.pathname.startsWith(SETTINGS.static)) event.respondWith(file(event, url));
  else if (request.mode === "navigate" || request.headers.get("X-Requested-With") === "page") event.respondWith(page(event, url));
});

function file(event, url) {
  return caches.match(url.href).then(kept => {
    if (kept && HASHED.test(url.pathname)) return kept;
    return fetch(event.request).then(response => {
      if (response.ok) event.waitUntil(keep("files", url.href, response.clone()));
      return response;
    }, () => kept || Response.error());
  });
}

function page(event, url) {
  const own = url.origin + url.pathname + url.search, last = url.origin + url.pathname + "?last";
  const fresh = fetch(event.request).then(response => {
    const isPage = (response.headers.get("Content-Type") || "").startsWith("text/html");
    const isPrivate = /no-store/.test(response.headers.get("Cache-Control"));
    if (response.ok && !response.redirected && isPage && !isPrivate) {
      event.waitUntil(keep("pages", own, response.clone()));
      event.waitUntil(keep("pages", last, response.clone()));
    } else if (GONE.includes(response.status)) {
      // The copy of a station that has closed for good would send people to its door.
      event.waitUntil(caches.open("pages").then(cache => Promise.all([own, last].map(key => cache.delete(key)))));
    }
    return response;
  });
  // In a lift a request may go out and no answer come back: after a while the kept copy is better than none.
  const slow = new Promise(resolve => setTimeout(resolve, SLOW_MS)).then(() => caches.match(own)).then(kept =>
    kept ? marked(kept, "this") : fresh);
  const instead = () => caches.match(own).then(kept => kept ? marked(kept, "this") :
    caches.match(last).then(other => other ? marked(other, "another") : null));
  return Promise.race([fresh, slow]).then(response =>
    AWAY.includes(response.status) ? instead().then(kept => kept || response) : response,
  () => instead().then(kept => kept || caches.match(SETTINGS.offline)));
}

function keep(name, key, response) {
  return caches.open(name).then(cache => cache.put(key, response).then(() => cache.keys()).then(keys =>
    Promise.all(keys.slice(0, Math.max(0, keys.length - KEPT_AT_MOST[name])).map(key => cache.delete(key)))));
}

// A kept page says when it was made, and whether it is "this" page or "another" query's, so that site.js can tell the reader.
function marked(kept, which) {
  const at = new Date(kept.headers.get("Date") || Date.now()).toISOString();
  const headers = new Headers(kept.headers);
  headers.delete("Content-Length");
  headers.delete("Content-Encoding");
  headers.set("X-Kept-At", at);
  return kept.text().then(html => new Response(html.replace("<html", `<html data-kept-at="${at}" data-kept="${which}"`), {headers}));
}
