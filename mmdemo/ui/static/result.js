// The two cards of an answer as the server rendered them, and what the browser remembers of what is kept.
(() => {
  "use strict";
  const KEPT = "mmdemo.kept"; // id → sample of what is kept of ours, so that it can be taken back later
  const MOST_KEPT = 200;

  let remembered = {}; // for a browser that stores nothing

  // Each press of Predict has an id of its own, also where the same sample is sent again.
  const kept = {
    all: () => Object.keys(read()),
    of: (sample) => Object.entries(read()).filter(([, its]) => its === sample).map(([id]) => id),
    add: (id, sample) => write(Object.entries({ ...read(), [id]: sample }).slice(-MOST_KEPT)),
    remove: (ids) => write(Object.entries(read()).filter(([id]) => !ids.includes(id))),
  };

  function read() {
    try {
      return JSON.parse(mmdemo.stored(KEPT)) || remembered;
    } catch {
      return remembered;
    }
  }

  function write(entries) {
    remembered = Object.fromEntries(entries);
    mmdemo.store(KEPT, JSON.stringify(remembered));
    document.dispatchEvent(new CustomEvent("mmdemo:kept")); // the queue may have grown or shrunk
  }

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

  function offerForgetAll(button, working) {
    const count = kept.all().length;
    button.hidden = count === 0;
    button.disabled = working;
    button.textContent = mmdemo.t("predict.forget_all", { count });
  }

  mmdemo.result = { kept, draw, unfold, download, offerForgetAll };
})();
