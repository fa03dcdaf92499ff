// 我的蜂巢: one tap sends once, a pass counts down, and the page of a call number follows. All pages work without this file.
// Baseline: Chrome 57 and iOS 11 (old WeChat), so no ?. ?? or object spread. Needs site.js.
(function () {
  "use strict";

  const ASK_EVERY_MS = 3000;
  const site = window.fengchao;

  // ── One tap, one wish ────────────────────────────────────────────────────────────────────────────────────────────

  // The server counts the same wish once; this only shows that the tap was noticed.
  document.addEventListener("submit", function (event) {
    const form = event.target, button = form.querySelector("button");
    if (form.method !== "post") return;
    if (form.hasAttribute("data-busy")) {
      event.preventDefault();
      return;
    }
    form.setAttribute("data-busy", "");
    if (button) button.setAttribute("aria-busy", "true");
  });
  // A page restored from the browser's memory must be usable again.
  window.addEventListener("pageshow", function () {
    Array.prototype.forEach.call(document.querySelectorAll("form[data-busy]"), function (form) {
      form.removeAttribute("data-busy");
      const button = form.querySelector("button");
      if (button) button.removeAttribute("aria-busy");
    });
  });

  // ── The pass ─────────────────────────────────────────────────────────────────────────────────────────────────────

  const until = document.querySelector(".until[data-seconds]");
  if (until) {
    // By the time elapsed on the phone: its clock may be wrong.
    const ends = Date.now() + Number(until.getAttribute("data-seconds")) * 1000, left = until.querySelector("[data-left]");
    const count = function () {
      const seconds = Math.max(0, Math.round((ends - Date.now()) / 1000));
      left.textContent = Math.floor(seconds / 60) + ":" + ("0" + seconds % 60).slice(-2);
      if (seconds === 0) {
        window.clearInterval(ticking);
        until.classList.add("is-over");
        until.setAttribute("role", "alert");
        until.textContent = until.getAttribute("data-over");
        const digits = document.querySelector(".digits"), code = document.querySelector(".qr-frame");
        if (digits) digits.hidden = true;
        if (code) code.hidden = true;
      }
    };
    const ticking = window.setInterval(count, 1000);
    count();
  }

  // ── The call number ──────────────────────────────────────────────────────────────────────────────────────────────

  const place = document.getElementById("queue-now");
  if (place && window.fetch) {
    // Each response has its own token in its forms; only a change in the visible text counts.
    const said = function (element) { return element.textContent.replace(/\s+/g, " ").trim(); };
    const show = function (body) {
      while (place.firstChild) place.removeChild(place.firstChild);
      while (body.firstChild) place.appendChild(body.firstChild);
    };
    const ask = function () {
      if (place.querySelector("[data-done]")) return;
      if (document.hidden) {
        window.setTimeout(ask, ASK_EVERY_MS);
        return;
      }
      site.soon(window.fetch(place.getAttribute("data-now"), {credentials: "same-origin", cache: "no-store"}).then(function (response) {
        if (response.redirected) window.location.reload();
        return response.ok && !response.redirected ? response.text() : "";
      })).then(function (html) {
        const body = new DOMParser().parseFromString(html, "text/html").body;
        if (!html || said(body) === said(place)) return;
        show(body);
        if (place.querySelector("[data-done]")) {
          window.scrollTo(0, 0);
          if (navigator.vibrate) navigator.vibrate(200);
        }
      }).catch(function () { /* without signal the page stays as it is */ }).then(function () {
        window.setTimeout(ask, ASK_EVERY_MS);
      });
    };
    window.setTimeout(ask, ASK_EVERY_MS);
  }
})();
