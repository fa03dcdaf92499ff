// Every page: the service worker, what a kept page says, one-tap answers, map apps. All pages work without this file.
// Baseline: Chrome 57 and iOS 11 (old WeChat), so no ?. ?? or object spread. Texts: templates/stations/_script_texts.html.
(function () {
  "use strict";

  const HOURS = 3600 * 1000, MINUTES = 60 * 1000;
  // A tap that could not be sent reports the door as it was then; after this time it would prove nothing.
  const TAP_KEPT_MS = 10 * MINUTES;
  const ASK_WITHIN_MS = 3 * HOURS;
  const GIVE_UP_MS = 10000;

  const site = window.fengchao = {};

  // ── Small tools ──────────────────────────────────────────────────────────────────────────────────────────────────

  site.text = function (name, values) {
    const texts = document.getElementById("script-texts");
    const text = (texts && texts.getAttribute("data-" + name)) || "";
    return text.replace(/\{(\w+)\}/g, function (all, key) { return values && key in values ? values[key] : all; });
  };

  // Storage may be off (private windows, old WebViews); then things are remembered as long as the page lasts.
  const remembered = {};
  site.recall = function (key) {
    try {
      const text = window.localStorage.getItem("fengchao." + key);
      return text === null ? null : JSON.parse(text);
    } catch (error) {
      return key in remembered ? remembered[key] : null;
    }
  };
  site.remember = function (key, value) {
    remembered[key] = value;
    try {
      if (value === null) window.localStorage.removeItem("fengchao." + key);
      else window.localStorage.setItem("fengchao." + key, JSON.stringify(value));
    } catch (error) { /* kept only in the page */ }
  };

  site.make = function (tag, attributes, text) {
    const element = document.createElement(tag);
    Object.keys(attributes || {}).forEach(function (name) { element.setAttribute(name, attributes[name]); });
    if (text) element.textContent = text;
    return element;
  };

  // Today only the hour is shown, before today the date too.
  site.time = function (at) {
    const when = new Date(at), minutes = when.getMinutes();
    const day = when.toDateString() === new Date().toDateString() ? "" : when.getMonth() + 1 + "-" + when.getDate() + " ";
    return day + when.getHours() + ":" + (minutes < 10 ? "0" : "") + minutes;
  };

  // Changes are read out: the live region must exist before its text.
  site.say = function (place, text) {
    let line = place.querySelector(":scope > [role=status].script-status");
    if (!line) {
      line = site.make("p", {role: "status", "class": "script-status"});
      place.appendChild(line);
    }
    window.setTimeout(function () { line.textContent = text; }, 30);
  };

  // If the connection swallows the answer, the wait would never end. `answer` is all of it: its end can be lost too.
  site.soon = function (answer) {
    return Promise.race([answer, new Promise(function (_resolve, refuse) {
      window.setTimeout(function () { refuse(new Error("slow")); }, GIVE_UP_MS);
    })]);
  };

  // ── A page kept without signal ───────────────────────────────────────────────────────────────────────────────────

  // `root` is the html element of the page, marked by service_worker.js if it was kept. What it says is from then.
  site.showKept = function (root) {
    const at = root.getAttribute("data-kept-at");
    let bar = document.getElementById("kept-at");
    if (!at) {
      if (bar) bar.parentNode.removeChild(bar);
      return;
    }
    if (!bar) {
      bar = site.make("p", {id: "kept-at", role: "status", "class": "notice notice--offline"});
      const main = document.querySelector("main") || document.body;
      main.insertBefore(bar, main.firstChild);
    }
    const results = document.getElementById("results"), time = site.time(at);
    all("main .state:not(.is-past)").forEach(function (state) {
      state.classList.add("is-past");
      state.insertBefore(document.createTextNode(site.text("kept-state", {time: time})), state.querySelector(".icon + *") || state.lastChild);
    });
    // "12 minutes ago" counts from then, and of another day "until 20:00" and "opens tomorrow" do too.
    const isOfToday = new Date(at).toDateString() === new Date().toDateString();
    all("main [class^=proof], main [data-passing]" + (isOfToday ? "" : ", main .until")).forEach(function (said) {
      said.parentNode.removeChild(said);
    });
    if (!isOfToday) all(".is-today").forEach(function (day) {
      day.classList.remove("is-today");
      const name = day.querySelector("th").firstChild;  // the date stays
      name.parentNode.removeChild(name);
    });
    bar.textContent = site.text(results ? "kept-list" : "kept-page", {time: time});
    if (results && root.getAttribute("data-kept") === "another") {
      const counts = keepNeeded(results);
      if (window.location.search) bar.textContent += " " + site.text("kept-needs", counts);
    }
  };

  // The list of another query: cards that have what is asked now stay; nothing else can be checked.
  function keepNeeded(results) {
    const wanted = (window.location.search.match(/[?&]amenity=[^&]+/g) || []).map(function (pair) { return decodeURIComponent(pair.split("=")[1]); });
    let shown = 0, cards = 0;
    Array.prototype.forEach.call(results.querySelectorAll("[data-has]"), function (card) {
      const has = card.getAttribute("data-has").split(" ");
      card.hidden = !wanted.every(function (code) { return has.indexOf(code) >= 0; });
      cards += 1;
      if (!card.hidden) shown += 1;
    });
    all("#needs [data-need]").forEach(function (need) {
      const code = need.getAttribute("data-need"), isOn = wanted.indexOf(code) >= 0;
      const others = isOn ? wanted.filter(function (other) { return other !== code; }) : wanted.concat([code]);
      need.classList[isOn ? "add" : "remove"]("is-on");
      if (isOn) need.setAttribute("aria-current", "true");
      else need.removeAttribute("aria-current");
      need.setAttribute("href", window.location.pathname + others.map(function (other, place) { return (place ? "&" : "?") + "amenity=" + encodeURIComponent(other); }).join(""));
    });
    return {shown: shown, cards: cards};
  }

  function all(selector) { return Array.prototype.slice.call(document.querySelectorAll(selector)); }

  // ── The app on the phone ─────────────────────────────────────────────────────────────────────────────────────────

  if ("serviceWorker" in navigator) {
    window.addEventListener("load", function () {
      // Refused on plain http and in some WebViews; the pages work without it.
      navigator.serviceWorker.register("/sw.js").catch(function () {});
    });
  }
  site.showKept(document.documentElement);

  Array.prototype.forEach.call(document.querySelectorAll("[data-print]"), function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });

  // ── One tap: 进得去, 锁着, 我来歇脚 … ─────────────────────────────────────────────────────────────────────────────────

  // Forms marked data-tap post in the background. data-tap="keep" may be sent later: repeating it changes nothing.
  document.addEventListener("submit", function (event) {
    const form = event.target;
    if (!form.hasAttribute("data-tap") || !window.fetch || !window.FormData) return;
    event.preventDefault();
    if (form.hasAttribute("data-busy")) return;
    form.setAttribute("data-busy", "");
    const button = event.submitter || form.querySelector("button:focus") || pressed || form.querySelector("button");
    if (button) button.setAttribute("aria-busy", "true");
    withPosition(form).then(function (position) {
      return send(form.action, bodyOf(form, button, position), form);
    }).then(function () {
      form.removeAttribute("data-busy");
      if (button) button.removeAttribute("aria-busy");
    });
  });
  let pressed = null;  // Safari knows no event.submitter, and does not focus a button that is tapped
  document.addEventListener("click", function (event) {
    pressed = event.target.closest ? event.target.closest("form[data-tap] button") : null;
  }, true);

  function bodyOf(form, button, position) {
    const pairs = [];
    function add(name, value) { pairs.push(encodeURIComponent(name) + "=" + encodeURIComponent(value)); }
    Array.prototype.forEach.call(form.elements, function (field) {
      const isChosen = field.type !== "radio" && field.type !== "checkbox" || field.checked;
      if (field.name && field.tagName !== "BUTTON" && isChosen && !(position && field.name in position)) add(field.name, field.value);
    });
    if (button && button.name) add(button.name, button.value);
    Object.keys(position || {}).forEach(function (name) { add(name, position[name]); });
    return pairs.join("&");
  }

  // A position makes a tap a proof at the door. Only if the phone allowed it before: a tap must not ask questions.
  function withPosition(form) {
    if (!form.hasAttribute("data-position") || !navigator.geolocation || !navigator.permissions) return Promise.resolve(null);
    return navigator.permissions.query({name: "geolocation"}).then(function (permission) {
      if (permission.state !== "granted") return null;
      return new Promise(function (resolve) {
        navigator.geolocation.getCurrentPosition(
          function (found) { resolve(site.position(found)); }, function () { resolve(null); },
          {enableHighAccuracy: true, timeout: 3000, maximumAge: MINUTES}
        );
      });
    }).catch(function () { return null; });
  }

  site.position = function (found) {
    return {
      lat: found.coords.latitude.toFixed(6), lng: found.coords.longitude.toFixed(6),
      accuracy_m: Math.round(found.coords.accuracy),
    };
  };

  function post(url, body) {
    return site.soon(fetch(url, {
      method: "POST", body: body, credentials: "same-origin",
      headers: {"Content-Type": "application/x-www-form-urlencoded", "X-Requested-With": "fetch"},
    }).then(function (response) {
      return response.text().then(function (html) { return {ok: response.ok, status: response.status, html: html}; });
    }));
  }

  function send(url, body, form) {
    // Of a door only the last word counts: one that still waits to be sent is not said any more.
    const others = (site.recall("taps") || []).filter(function (tap) { return tap.url !== url; });
    site.remember("taps", others);
    return post(url, body).then(function (answer) { show(answer, form); }, function () {
      const mayWait = form.getAttribute("data-tap") === "keep";
      if (mayWait) site.remember("taps", others.slice(-4).concat([{url: url, body: body, at: Date.now()}]));
      site.say(form, site.text(mayWait ? "tap-kept" : "no-signal"));
    });
  }

  function show(answer, form) {
    const page = new DOMParser().parseFromString(answer.html, "text/html");
    const section = form.closest("section[id]"), after = section && page.getElementById(section.id);
    if (!answer.ok || !after) {
      const said = page.querySelector("main [role=alert], main h1");
      site.say(form, answer.ok ? site.text("sent") : said ? said.textContent.trim() : site.text("not-sent"));
      return;
    }
    const fresh = document.importNode(after, true);
    section.parentNode.replaceChild(fresh, section);
    const now = document.getElementById("state-now"), said = page.getElementById("state-now");
    if (now && said) now.parentNode.replaceChild(document.importNode(said, true), now);
    // The button that had the focus is gone; the thanks take it, and are read out.
    const thanks = fresh.querySelector("[role=status], [role=alert]");
    if (thanks) {
      thanks.setAttribute("tabindex", "-1");
      thanks.focus();
    }
  }

  function sendKept() {
    const taps = site.recall("taps");
    if (!taps || !window.fetch) return;
    // Taken out first: two tabs, or a second "online", must not send the same twice.
    site.remember("taps", null);
    // The token of the page that kept it may have expired; this page's own is valid.
    const token = document.querySelector("input[name=csrfmiddlewaretoken]");
    taps.filter(function (tap) { return Date.now() - tap.at < TAP_KEPT_MS; }).forEach(function (tap) {
      function keep() {
        const others = site.recall("taps") || [];
        if (!others.some(function (other) { return other.url === tap.url; })) site.remember("taps", others.concat([tap]));
      }
      const body = token ? tap.body.replace(/csrfmiddlewaretoken=[^&]*/, "csrfmiddlewaretoken=" + token.value) : tap.body;
      post(tap.url, body).then(function (answer) {
        // Refused for now (busy, too often, an old token): the next page tries again. 404 and 410 are final.
        if (answer.status >= 500 || answer.status === 429 || answer.status === 403) return keep();
        const form = all("form[data-confirm]").filter(function (each) { return each.action === tap.url; })[0];
        if (form) show(answer, form);
      }, keep);
    });
  }
  window.addEventListener("online", sendKept);
  if (navigator.onLine !== false) sendKept();

  // ── 带我去: the map app one chose, and the question on coming back ──────────────────────────────────────────────────

  // The links data-map-app="amap" … are in an element data-go with data-station and data-name.
  // The server reads the cookie; the copy in storage outlives browsers that throw cookies away.
  function chosenApp() {
    const cookie = /(?:^|; )map_app=(\w+)/.exec(document.cookie);
    return cookie ? cookie[1] : site.recall("map-app");
  }
  function chooseApp(app) {
    site.remember("map-app", app);
    document.cookie = "map_app=" + app + "; path=/; max-age=34560000; samesite=lax";
  }
  if (chosenApp()) chooseApp(chosenApp());
  const choices = document.querySelector("details[data-go]");
  if (choices && window.location.hash === "#" + choices.id) choices.open = true;

  document.addEventListener("click", function (event) {
    if (!event.target.closest) return;
    const link = event.target.closest("[data-map-app]");
    const summary = event.target.closest("[data-go] > summary");
    const list = event.target.closest("[data-go]");
    if (link && list) {
      chooseApp(link.getAttribute("data-map-app"));
      site.remember("on-the-way", {station: list.getAttribute("data-station"), name: list.getAttribute("data-name"), at: Date.now()});
    } else if (summary && !list.open) {
      const remembered = chosenApp() && list.querySelector('[data-map-app="' + chosenApp() + '"]');
      // The list opens too, so that another app can be chosen on coming back.
      if (remembered) remembered.click();
    }
  });

  function askOnReturn() {
    const way = site.recall("on-the-way");
    if (document.visibilityState === "hidden" || !way || document.getElementById("asked")) return;
    if (Date.now() - way.at > ASK_WITHIN_MS) {
      site.remember("on-the-way", null);
      return;
    }
    const form = document.querySelector('form[data-confirm][data-station="' + way.station + '"]');
    const box = site.make("section", {id: "asked", "class": "notice notice--ask", "aria-label": site.text("ask")});
    box.appendChild(site.make("p", {}, site.text("ask-at", {name: way.name})));
    if (!form) {
      // The answer is given on the station's own page.
      box.appendChild(site.make("a", {"class": "button", href: "/stations/" + encodeURIComponent(way.station) + "/#confirm"}, site.text("ask-answer")));
    } else {
      [["entered", "ask-yes"], ["locked", "ask-no"]].forEach(function (answer) {
        const button = site.make("button", {type: "button", "class": "button"}, site.text(answer[1]));
        button.addEventListener("click", function () {
          const original = form.querySelector('button[value="' + answer[0] + '"]');
          while (box.firstChild) box.removeChild(box.firstChild);
          site.remember("on-the-way", null);
          withPosition(form).then(function (position) { return send(form.action, bodyOf(form, original, position), form); })
            .then(function () { if (box.parentNode) box.parentNode.removeChild(box); });
        });
        box.appendChild(button);
      });
      site.remember("on-the-way", null);
    }
    const later = site.make("button", {type: "button", "class": "button button--quiet"}, site.text("ask-later"));
    later.addEventListener("click", function () {
      site.remember("on-the-way", way);
      box.parentNode.removeChild(box);
    });
    box.appendChild(later);
    const main = document.querySelector("main") || document.body;
    main.insertBefore(box, main.firstChild);
  }
  document.addEventListener("visibilitychange", askOnReturn);
  window.addEventListener("pageshow", askOnReturn);
})();
