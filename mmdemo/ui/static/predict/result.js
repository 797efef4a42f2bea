// The two cards of an answer as the server rendered them, and what the browser remembers of what is kept.
(() => {
  "use strict";
  const MOST_KEPT = 200;
  const MOST_KEYS = 20; // of one sample

  // Each press of Predict has an id of its own, also where the same sample is sent again: id → sample of what is kept of
  // ours, so that it can be taken back later; and sample → keys that open its answer again by its address, but delete
  // nothing.
  const kept = {
    all: () => Object.keys(mmdemo.storedValue("kept")),
    of: (sample) => Object.entries(mmdemo.storedValue("kept")).filter(([, its]) => its === sample).map(([id]) => id),
    keys: (sample) => mmdemo.storedValue("view_keys")[sample] || [],
    add(id, sample, key) {
      write(Object.entries({ ...mmdemo.storedValue("kept"), [id]: sample }).slice(-MOST_KEPT));
      writeKeys({ ...mmdemo.storedValue("view_keys"), [sample]: [...new Set([...kept.keys(sample), key])].filter(Boolean).slice(-MOST_KEYS) });
    },
    remove(ids) {
      write(Object.entries(mmdemo.storedValue("kept")).filter(([id]) => !ids.includes(id)));
      writeKeys(mmdemo.storedValue("view_keys"));
    },
  };

  function write(entries) {
    mmdemo.storeValue("kept", Object.fromEntries(entries));
    document.dispatchEvent(new CustomEvent("mmdemo:kept")); // the queue may have grown or shrunk
  }

  // Of what is kept no longer there is nothing to open.
  function writeKeys(keys) {
    const samples = new Set(Object.values(mmdemo.storedValue("kept")));
    mmdemo.storeValue("view_keys", Object.fromEntries(Object.entries(keys).filter(([sample]) => samples.has(sample))));
  }

  let stopMap = null; // of the map that stands there now

  function draw(root, view, token, signal) {
    stopMap?.abort();
    stopMap = new AbortController();
    signal.addEventListener("abort", () => stopMap.abort());
    root.querySelector(".mm-answer-slot").innerHTML = view?.answer || "";
    root.querySelector(".mm-map-slot").innerHTML = view?.map || "";
    const forget = root.querySelector("[data-do=forget]"); // a reviewer who opened it by its link has no id of it
    if (forget) forget.hidden = kept.of(view.json.sample_id).length === 0;
    offerAlike(root.querySelector(".mm-alike-fold"), view, token, stopMap.signal);
    if (view?.map) lookCloser(root, view, token, stopMap.signal);
    else known = null;
  }

  // Folded: most visitors need no list, and whoever unfolds it once sees it with the next answers too.
  function offerAlike(fold, view, token, signal) {
    const show = () => {
      if (!fold.open || fold.hidden || fold.dataset.of === token) return;
      fold.dataset.of = token;
      mmdemo.alike(fold.querySelector(".mm-alike-slot"), () => mmdemo.call("page_alike", [token], { signal }), signal);
    };
    fold.hidden = !view?.map; // what was taken back is like nothing
    delete fold.dataset.of;
    fold.addEventListener("toggle", show, { signal });
    show();
  }

  let known = null; // what came after the answer that stands there, {key, study, weighed}

  // The map shows at once; what it can be switched to, and whether it can be trusted, comes after it.
  async function lookCloser(root, view, token, signal) {
    const map = mmdemo.showMap(root.querySelector(".mm-map-slot"), signal);
    const answer = root.querySelector(".mm-answer");
    const key = token + mmdemo.language;
    if (known?.key !== key) known = { key, study: mmdemo.call("page_study", [token]), weighed: new Map() };
    const own = known;
    const study = await own.study.catch(() => null);
    if (!study && known === own) known = null; // the answer and its map stand without it; another look asks again
    if (!study?.maps.length || signal.aborted) return;
    const weighed = mmdemo.weigh(map, own.weighed, ({ method, target, against }) =>
      mmdemo.call("page_weigh", [token, method, target, against || ""], { signal }), signal);
    const choice = mmdemo.explore(map, study, weighed.of);
    mmdemo.whatIf(map, answer, (units, modalities) => mmdemo.call("page_what_if", [token, units, modalities], { signal }), signal);
    mmdemo.keep(map, answer, view, choice, weighed.json);
    map.card.querySelector(".mm-tools").hidden = false;
  }

  // Open or close what a button controls.
  function unfold(button) {
    const panel = document.getElementById(button.getAttribute("aria-controls"));
    panel.hidden = !panel.hidden;
    button.setAttribute("aria-expanded", !panel.hidden);
    return panel;
  }

  // How far its version can be believed: fetched where somebody asks, once for an answer.
  async function curves(button, token) {
    const panel = unfold(button);
    if (panel.hidden || panel.dataset.of === token) return;
    panel.replaceChildren(mmdemo.element("p", { className: "mm-muted", textContent: mmdemo.t("predict.curves_looking") }));
    try {
      panel.innerHTML = (await mmdemo.call("page_curves", [token])).html;
      panel.dataset.of = token;
    } catch (error) {
      panel.firstChild.textContent = error.message;
    }
  }

  function download(view) {
    mmdemo.download(new Blob([JSON.stringify(view.json, null, 2)], { type: "application/json" }), "prediction.json");
  }

  function offerForgetAll(button, working) {
    const count = kept.all().length;
    button.hidden = count === 0;
    button.disabled = working;
    button.textContent = mmdemo.t("predict.forget_all", { count });
  }

  const earlier = new Map(); // token → sample of the answers that Back leads to, which the server remembers for a while

  // What is deleted is no longer remembered under those either; of all samples where none is named.
  function dropEarlier(token, sample) {
    for (const [other, its] of earlier) {
      if (other === token || (sample && its !== sample)) continue;
      mmdemo.call("page_clear", [other]).catch(() => {});
      earlier.delete(other);
    }
  }

  mmdemo.result = { earlier, dropEarlier, kept, draw, unfold, curves, download, offerForgetAll };
})();
