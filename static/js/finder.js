// Lists: 找最近的 by the phone's position, filters without a new page, the map on demand. Needs site.js.
// Without this file the forms and links do the same with whole pages.
(function () {
  "use strict";

  const SLOW_MS = 6000;
  const FUZZY_M = 1000;  // as stations/views/finder.py has it
  const MINUTE = 60 * 1000;

  const site = window.fengchao;
  if (!document.getElementById("results")) return;

  // ── Where am I ───────────────────────────────────────────────────────────────────────────────────────────────────

  function nearest() { return document.getElementById("find-nearest"); }

  // Three ways to continue if the phone does not say where it is, or only roughly (usual inside WeChat).
  function offerWays(why) {
    const form = nearest().form;
    let box = document.getElementById("location-ways");
    if (!box) {
      box = site.make("section", {id: "location-ways", "class": "notice", role: "status"});
      form.parentNode.insertBefore(box, form.nextSibling);
    }
    box.textContent = "";
    box.hidden = !why;
    if (!why) return;
    box.appendChild(site.make("p", {}, why));
    const ways = box.appendChild(site.make("ul", {"class": "ways"}));
    function way(element) { ways.appendChild(site.make("li")).appendChild(element); }
    const last = site.recall("last-place");
    if (last) {
      const again = site.make("button", {type: "button", "class": "button"}, site.text("way-last-place", {time: site.time(last.at)}));
      again.addEventListener("click", function () { go(last.position); });
      way(again);
    }
    way(site.make("a", {href: site.text("places-url"), "class": "button"}, site.text("way-places")));
    way(site.make("p", {}, site.text("way-door")));
  }

  function go(position) {
    const form = nearest().form;
    Object.keys(position).forEach(function (name) {
      if (form.elements[name]) form.elements[name].value = position[name];
    });
    form.submit();
  }

  function locate() {
    const button = nearest();
    if (button.getAttribute("aria-busy")) return;
    offerWays("");
    if (!navigator.geolocation) {
      offerWays(site.text("position-none"));
      return;
    }
    button.setAttribute("aria-busy", "true");
    site.say(button.form, site.text("locating"));
    // The browser's own time-out starts only after the person has answered its question, and some WebViews never answer.
    const timer = window.setTimeout(function () { failed("position-slow"); }, SLOW_MS);
    function failed(why) {
      window.clearTimeout(timer);
      button.removeAttribute("aria-busy");
      site.say(button.form, "");
      offerWays(site.text(why));
    }
    navigator.geolocation.getCurrentPosition(function (found) {
      window.clearTimeout(timer);
      const position = site.position(found);
      if (position.accuracy_m <= FUZZY_M) site.remember("last-place", {position: position, at: Date.now()});
      // It came late, but none of the ways offered meanwhile was taken, or this page would be gone.
      go(position);
    }, function (error) {
      failed(error.code === 1 ? "position-denied" : error.code === 3 ? "position-slow" : "position-none");
    }, {enableHighAccuracy: true, timeout: 4 * SLOW_MS, maximumAge: MINUTE});
  }

  document.addEventListener("click", function (event) {
    if (!event.target.closest || !event.target.closest("#find-nearest")) return;
    event.preventDefault();
    locate();
  });
  const accuracy = /[?&]accuracy_m=(\d+)/.exec(window.location.search);
  if (nearest() && accuracy && Number(accuracy[1]) > FUZZY_M) offerWays(site.text("position-fuzzy"));

  // ── The list without a new page; its address stays in step ───────────────────────────────────────────────────────

  function addressOf(form) {
    const pairs = [];
    Array.prototype.forEach.call(form.elements, function (field) {
      const isChosen = field.type !== "radio" && field.type !== "checkbox" || field.checked;
      // An empty field is no filter, and the URL is easier to share without it.
      if (field.name && field.tagName !== "BUTTON" && isChosen && field.value !== "") {
        pairs.push(encodeURIComponent(field.name) + "=" + encodeURIComponent(field.value));
      }
    });
    return form.action.split("?")[0] + (pairs.length ? "?" + pairs.join("&") : "");
  }

  let latest = 0;
  let shown = window.location.pathname + window.location.search;

  // Fetches that page and takes over what depends on the filters; fields that are being filled in stay.
  function load(address) {
    if (!window.fetch || !window.history.pushState) {
      window.location.href = address;
      return Promise.resolve();
    }
    const mine = latest += 1;
    document.getElementById("results").setAttribute("aria-busy", "true");
    return fetch(address, {credentials: "same-origin", headers: {"X-Requested-With": "page"}}).then(function (response) {
      return response.text().then(function (html) {
        // An answer that was overtaken by a later request is dropped.
        if (mine !== latest) return;
        const page = new DOMParser().parseFromString(html, "text/html");
        if (!page.getElementById("results")) {
          window.location.href = address;  // a refusal says more on its own page
          return;
        }
        ["results", "needs", "nearest", "filter-count"].forEach(function (id) {
          const before = document.getElementById(id), after = page.getElementById(id);
          if (before && after) before.parentNode.replaceChild(document.importNode(after, true), before);
        });
        const map = document.getElementById("map"), mapThere = page.getElementById("map");
        if (map && mapThere) map.setAttribute("data-points-url", mapThere.getAttribute("data-points-url"));
        window.history.pushState({}, "", address);
        shown = window.location.pathname + window.location.search;
        site.showKept(page.documentElement);
        document.dispatchEvent(new CustomEvent("fengchao:list"));
      });
    }).catch(function () {
      const results = document.getElementById("results");
      if (mine !== latest) return;
      results.removeAttribute("aria-busy");
      site.say(results, site.text("no-signal"));
    });
  }
  site.load = load;

  document.addEventListener("submit", function (event) {
    const form = event.target;
    if (form.method !== "get" || !form.hasAttribute("data-list")) return;
    event.preventDefault();
    // 看结果: the results are below the filters.
    Array.prototype.forEach.call(form.querySelectorAll("details[open]"), function (sheet) { sheet.open = false; });
    load(addressOf(form)).then(function () {
      const title = document.querySelector("#results h2");
      if (!title) return;
      title.setAttribute("tabindex", "-1");
      title.focus();
    });
  });
  document.addEventListener("change", function (event) {
    const form = event.target.form;
    if (form && form.hasAttribute("data-list") && /^(checkbox|radio|select-one)$/.test(event.target.type)) load(addressOf(form));
  });
  window.addEventListener("popstate", function () {
    // A jump within the page, such as the skip link's, does not change the list.
    if (window.location.pathname + window.location.search === shown) return;
    // The fields of the filters return to their old state only with a full page.
    window.location.reload();
  });

  // ── The map, on demand ───────────────────────────────────────────────────────────────────────────────────────────

  const map = document.getElementById("map");
  if (map) {
    const open = document.getElementById("open-map") || map.parentNode.insertBefore(
      site.make("button", {type: "button", id: "open-map", "class": "button", "aria-controls": "map", "aria-expanded": "false"}, site.text("map-open")), map
    );
    open.hidden = false;
    const show = function () {
      open.disabled = true;
      ["data-leaflet-style", "data-map-style"].forEach(function (name) {
        document.head.appendChild(site.make("link", {rel: "stylesheet", href: map.getAttribute(name)}));
      });
      return addScript(map.getAttribute("data-leaflet-script"))
        .then(function () { return addScript(map.getAttribute("data-map-script")); })
        .then(function () {
          open.hidden = true;
          map.hidden = false;
          site.drawMap(map);
        })
        .catch(function () {
          open.disabled = false;
          site.say(open.parentNode, site.text("map-failed"));
        });
    };
    open.addEventListener("click", function () { show().then(function () { map.focus(); }); });
    // Opened at once if there is room beside the list; on a phone only on a tap, since it costs data and hides the list.
    const isWide = window.matchMedia && window.matchMedia("(min-width: 60rem)").matches;
    if (isWide && !(navigator.connection && navigator.connection.saveData)) show();
  }

  function addScript(address) {
    return new Promise(function (resolve, reject) {
      const script = site.make("script", {src: address});
      script.onload = resolve;
      script.onerror = reject;
      document.head.appendChild(script);
    });
  }
})();
