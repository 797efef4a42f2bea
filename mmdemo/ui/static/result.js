// The two cards of an answer as the server rendered them, and what the browser remembers of what is kept.
(() => {
  "use strict";
  const SENT = "mmdemo.sent"; // ids of what is kept of ours, so that it can be taken back later
  const MOST_SENT = 200;

  const sent = {
    all: () => {
      try {
        return JSON.parse(mmdemo.stored(SENT)) || [];
      } catch {
        return [];
      }
    },
    add: (id) => sent.write([...new Set([...sent.all(), id])].slice(-MOST_SENT)),
    remove: (ids) => sent.write(sent.all().filter((id) => !ids.includes(id))),
    write: (ids) => {
      mmdemo.store(SENT, JSON.stringify(ids));
      document.dispatchEvent(new CustomEvent("mmdemo:kept")); // the queue may have grown or shrunk
    },
  };

  let stopMap = null; // of the map that stands there now

  function draw(root, view, signal) {
    stopMap?.abort();
    stopMap = new AbortController();
    signal.addEventListener("abort", () => stopMap.abort());
    root.querySelector(".mm-answer-slot").innerHTML = view?.answer || "";
    root.querySelector(".mm-map-slot").innerHTML = view?.map || "";
    if (view?.map) mmdemo.showMap(root.querySelector(".mm-map-slot"), stopMap.signal);
  }

  // Open or close what a button controls.
  function unfold(button) {
    const panel = document.getElementById(button.getAttribute("aria-controls"));
    panel.hidden = !panel.hidden;
    button.setAttribute("aria-expanded", !panel.hidden);
    return panel;
  }

  function download(view) {
    const blob = new Blob([JSON.stringify(view.json, null, 2)], { type: "application/json" });
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: "prediction.json" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  function offerForgetAll(button) {
    if (!button) return;
    const count = sent.all().length;
    button.hidden = count === 0;
    button.textContent = mmdemo.t("predict.forget_all", { count });
  }

  mmdemo.result = { sent, draw, unfold, download, offerForgetAll };
})();
