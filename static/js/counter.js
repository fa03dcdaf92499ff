// The counter: the queue that refreshes itself, taps that count once however often they are sent, sound, and the camera.
// All pages work without this file. Baseline: Chrome 57 and iOS 11, so no ?. ?? or object spread. Texts are in the page.
(function () {
  "use strict";

  const LOOK_EVERY_MS = 2500, FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 8000;
  const KEPT = "fengchao.counter-tap";
  const site = window.fengchao;
  const main = document.getElementById("main");

  function page() { return document.getElementById("counter-page"); }
  function text(name) { return page().getAttribute("data-" + name) || ""; }

  // ── Sound, off until somebody turns it on ────────────────────────────────────────────────────────────────────────

  let audio = null;
  function isLoud() { return site.recall("counter-sound") === true; }
  function beep(tones) {
    if (!isLoud()) return;
    if (navigator.vibrate) navigator.vibrate(120);
    const Audio = window.AudioContext || window.webkitAudioContext;
    if (!Audio) return;
    audio = audio || new Audio();
    if (audio.state === "suspended") audio.resume();
    tones.forEach(function (tone, place) {
      const source = audio.createOscillator(), volume = audio.createGain(), at = audio.currentTime + place * 0.14;
      source.frequency.value = tone;
      volume.gain.value = 0.15;
      source.connect(volume);
      volume.connect(audio.destination);
      source.start(at);
      source.stop(at + 0.12);
    });
  }
  function dressSound() {
    const button = document.getElementById("sound");
    if (!button) return;
    button.hidden = false;
    button.setAttribute("aria-pressed", isLoud() ? "true" : "false");
    button.querySelector("span").textContent = button.getAttribute(isLoud() ? "data-on" : "data-off");
  }

  // ── The queue ────────────────────────────────────────────────────────────────────────────────────────────────────

  // Cards that are shown stay, with their one-time numbers; new ones are put below, and those who left are removed.
  function merge(queue, fresh) {
    const list = queue.querySelector("#queue-list"), incoming = fresh.querySelector("#queue-list");
    if (!incoming) return;
    const known = {}, wanted = {};
    let news = 0;
    Array.prototype.forEach.call(list.children, function (card) { known[card.getAttribute("data-redemption")] = card; });
    Array.prototype.slice.call(incoming.children).forEach(function (card) {
      const code = card.getAttribute("data-redemption"), old = known[code];
      wanted[code] = true;
      const isSame = old && Boolean(old.querySelector("form .give")) === Boolean(card.querySelector("form .give")) &&
        old.querySelector(".call-number b").textContent === card.querySelector(".call-number b").textContent;
      if (isSame) {
        old.querySelector(".since").textContent = card.querySelector(".since").textContent;
        return;
      }
      const made = document.importNode(card, true);
      if (old) {
        list.replaceChild(made, old);
      } else {
        news += 1;
        made.classList.add("is-new");
        list.appendChild(made);
      }
    });
    Object.keys(known).forEach(function (code) { if (!wanted[code]) list.removeChild(known[code]); });
    while (list.nextSibling) queue.removeChild(list.nextSibling);
    let rest = incoming.nextSibling;
    while (rest) {
      queue.appendChild(document.importNode(rest, true));
      rest = rest.nextSibling;
    }
    if (news) {
      const line = document.getElementById("queue-news");
      line.textContent = line.getAttribute("data-one");
      beep([660, 880]);
    }
  }

  function look() {
    const queue = document.getElementById("queue");
    if (!queue || document.hidden) return window.setTimeout(look, LOOK_EVERY_MS);
    return site.soon(fetch(queue.getAttribute("data-url"), {credentials: "same-origin", headers: {"X-Requested-With": "fetch"}}).then(function (response) {
      if (response.status === 401) {
        window.location.href = response.headers.get("Location") || window.location.href;
        return null;
      }
      if (!response.ok) throw new Error("not now");
      return response.text();
    })).then(function (html) {
      if (html === null) return;
      const now = document.getElementById("queue");
      if (now) merge(now, new DOMParser().parseFromString(html, "text/html"));
      offline(false);
    }).catch(function () { offline(true); }).then(function () { window.setTimeout(look, LOOK_EVERY_MS); });
  }
  function offline(isSo) {
    let line = document.getElementById("queue-offline");
    if (isSo && !line && document.getElementById("queue")) {
      line = site.make("p", {id: "queue-offline", "class": "notice notice--offline", role: "status"}, text("no-signal"));
      const queue = document.getElementById("queue");
      queue.parentNode.insertBefore(line, queue);
    } else if (!isSo && line) {
      line.parentNode.removeChild(line);
    }
  }

  // ── A tap arrives once ───────────────────────────────────────────────────────────────────────────────────────────

  // A tap is kept until an answer comes, with the number under which it is done once; after a reload the page continues
  // with it, unless somebody else is on duty by then: it would be written under his name. A form with a password is kept only
  // in the page.
  let pending = null, timer = null, sends = 0;

  function keep(tap) {
    pending = tap;
    try {
      if (tap && !tap.secret) window.sessionStorage.setItem(KEPT, JSON.stringify(tap));
      else window.sessionStorage.removeItem(KEPT);
    } catch (error) { /* kept only in the page */ }
  }
  function kept() {
    try { return JSON.parse(window.sessionStorage.getItem(KEPT) || "null"); } catch (error) { return null; }
  }

  function bar(words, isTrying) {
    let box = document.getElementById("pending");
    if (!words) {
      if (box) box.parentNode.removeChild(box);
      return;
    }
    if (!box) {
      box = site.make("div", {id: "pending", "class": "notice", role: "status"});
      main.insertBefore(box, main.firstChild);
    }
    while (box.firstChild) box.removeChild(box.firstChild);
    box.appendChild(site.make("p", {}, words));
    if (!isTrying) return;
    const buttons = site.make("p", {"class": "buttons"});
    const again = site.make("button", {type: "button", "class": "button", id: "try-again"}, text("again"));
    again.addEventListener("click", function () { window.clearTimeout(timer); send(0); });
    buttons.appendChild(again);
    box.appendChild(buttons);
  }

  function send(tries) {
    const tap = pending, turn = sends += 1;
    if (!tap) return;
    bar(text(tries || tap.again ? "retrying" : "sending"), Boolean(tries || tap.again));
    const token = document.querySelector("input[name=csrfmiddlewaretoken]");
    const body = token ? tap.body.replace(/csrfmiddlewaretoken=[^&]*/, "csrfmiddlewaretoken=" + token.value) : tap.body;
    // An answer counts whenever it comes: where each takes longer than the wait, no later one would ever be in time.
    site.soon(fetch(tap.url, {
      method: "POST", body: body, credentials: "same-origin",
      headers: {"Content-Type": "application/x-www-form-urlencoded", "X-Requested-With": "fetch"},
    }).then(function (response) {
      if (response.status >= 500) throw new Error("not now");
      if (response.status === 401) {
        if (pending !== tap) return null;
        keep(null);
        window.location.href = response.headers.get("Location") || window.location.href;
        return null;
      }
      return response.text().then(function (html) {
        if (pending === tap) answer(html, response.url || tap.url);
      });
    })).catch(function () {
      if (pending !== tap || turn !== sends) return;
      tap.again = true;
      keep(tap);
      bar(text("retrying"), true);
      timer = window.setTimeout(function () { send(tries + 1); }, Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * Math.pow(2, tries)));
    });
  }

  function answer(html, address) {
    const made = new DOMParser().parseFromString(html, "text/html");
    const fresh = made.getElementById("counter-page") || made.querySelector("main");
    keep(null);
    window.clearTimeout(timer);
    bar("");
    const old = page(), texts = ["actor", "sending", "retrying", "again", "no-signal"];
    const next = document.importNode(fresh, true);
    if (next.id !== "counter-page") {  // an error page: it goes into the frame of this one
      next.id = "counter-page";
      next.removeAttribute("class");
      texts.forEach(function (name) { next.setAttribute("data-" + name, text(name)); });
    }
    old.parentNode.replaceChild(next, old);
    if (window.history.pushState && address !== window.location.href) window.history.pushState({}, "", address);
    const heading = next.querySelector("[role=alert], h1");
    if (heading) {
      heading.setAttribute("tabindex", "-1");
      heading.focus();
    }
    window.scrollTo(0, 0);
    if (next.querySelector("[data-done]")) beep([523, 784, 1047]);
    dressSound();
    dressCamera();
  }

  let pressed = null;  // Safari knows no event.submitter
  document.addEventListener("click", function (event) {
    const target = event.target.closest ? event.target : event.target.parentNode;
    pressed = target.closest("form[data-once] button");
    if (target.closest("#sound")) {
      site.remember("counter-sound", !isLoud());
      dressSound();
      beep([880]);
    }
  }, true);

  document.addEventListener("submit", function (event) {
    const form = event.target;
    if (!form.hasAttribute("data-once") || !window.fetch) return;
    event.preventDefault();
    if (pending) return;
    const button = event.submitter || (pressed && form.contains(pressed) ? pressed : form.querySelector("button")), pairs = [];
    let secret = false;
    function add(name, value) { pairs.push(encodeURIComponent(name) + "=" + encodeURIComponent(value)); }
    Array.prototype.forEach.call(form.elements, function (field) {
      if (!field.name || field.tagName === "BUTTON") return;
      if ((field.type === "checkbox" || field.type === "radio") && !field.checked) return;
      if (field.type === "password" && field.value) secret = true;
      add(field.name, field.value);
    });
    if (button && button.name) add(button.name, button.value);
    if (button) button.setAttribute("aria-busy", "true");
    keep({url: form.getAttribute("action") || window.location.href, body: pairs.join("&"), secret: secret, actor: text("actor"), again: false});
    send(0);
  });
  window.addEventListener("online", function () { if (pending) { window.clearTimeout(timer); send(0); } });
  window.addEventListener("popstate", function () { window.location.reload(); });

  // ── The camera ───────────────────────────────────────────────────────────────────────────────────────────────────

  function dressCamera() {
    const button = document.getElementById("scan");
    if (!button || !navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) return;
    button.hidden = false;
    if (button.hasAttribute("data-dressed")) return;
    button.setAttribute("data-dressed", "");
    const label = button.querySelector("span"), words = label.textContent;
    let stop = null;
    button.addEventListener("click", function () {
      if (stop) return stop();
      const video = site.make("video", {id: "camera", playsinline: "", muted: ""});
      const form = button.closest("form");
      let stream = null, isOver = false;
      stop = function () {
        isOver = true;
        stop = null;
        if (stream) stream.getTracks().forEach(function (track) { track.stop(); });
        if (video.parentNode) video.parentNode.removeChild(video);
        label.textContent = words;
      };
      label.textContent = button.getAttribute("data-stop");
      form.appendChild(video);
      video.muted = true;
      Promise.all([navigator.mediaDevices.getUserMedia({video: {facingMode: "environment"}}), reader(button)]).then(function (found) {
        stream = found[0];
        if (isOver) return stream.getTracks().forEach(function (track) { track.stop(); });
        video.srcObject = stream;
        return video.play().then(function () {
          (function again() {
            if (isOver) return;
            found[1](video).then(function (code) {
              if (isOver) return;
              if (!code) return window.setTimeout(again, 150);
              stop();
              form.elements.who.value = code;
              form.submit();
            }, function () { window.setTimeout(again, 400); });
          })();
        });
      }).catch(function () {
        if (stop) stop();
        site.say(form, button.getAttribute("data-failed"));
      });
    });
  }

  // What reads a code from a picture: the browser itself, or our file for browsers that cannot.
  function reader(button) {
    if ("BarcodeDetector" in window) {
      const detector = new window.BarcodeDetector({formats: ["qr_code"]});
      return Promise.resolve(function (video) {
        return detector.detect(video).then(function (codes) { return codes.length ? codes[0].rawValue : ""; });
      });
    }
    const sheet = document.createElement("canvas");
    function read(video) {
      const scale = Math.min(1, 640 / Math.max(1, video.videoWidth));
      sheet.width = Math.round(video.videoWidth * scale);
      sheet.height = Math.round(video.videoHeight * scale);
      if (!sheet.width) return Promise.resolve("");
      const pen = sheet.getContext("2d");
      pen.drawImage(video, 0, 0, sheet.width, sheet.height);
      const picture = pen.getImageData(0, 0, sheet.width, sheet.height);
      const found = window.jsQR(picture.data, picture.width, picture.height, {inversionAttempts: "dontInvert"});
      return Promise.resolve(found ? found.data : "");
    }
    if (window.jsQR) return Promise.resolve(read);
    return new Promise(function (resolve, refuse) {
      const script = site.make("script", {src: button.getAttribute("data-reader")});
      script.onload = function () { resolve(read); };
      script.onerror = refuse;
      document.head.appendChild(script);
    });
  }

  // ── Beginning ────────────────────────────────────────────────────────────────────────────────────────────────────

  if (!page() || !window.fetch) return;
  dressSound();
  dressCamera();
  const left = kept();
  if (left && left.actor !== text("actor")) keep(null);
  else if (left) {
    left.again = true;
    pending = left;
    send(0);
  }
  if (document.querySelector("[data-done]")) beep([523, 784, 1047]);
  // At a desk a scanner may type at any time.
  const who = document.querySelector(".side .who-form input[name=who]");
  if (who && window.matchMedia("(min-width: 60rem)").matches) who.focus();
  const again = document.getElementById("refresh");
  if (again) again.hidden = true;
  window.setTimeout(look, LOOK_EVERY_MS);
})();
