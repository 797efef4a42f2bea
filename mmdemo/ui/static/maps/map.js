// Where the model looked: over the picture, on the words, along the sound. Everything that can be pointed at is a unit,
// counted as the server counts them (mmdemo/values/layout.py): regions, words, moments.
(() => {
  "use strict";

  // Bring the card under `root` to life and return what others change it by.
  mmdemo.showMap = (root, signal) => {
    const card = root.querySelector(".mm-map");
    const state = {
      view: JSON.parse(card.dataset.told), // {shares, signed}
      met: null, // met(unit) → how much it met each other, once that is known
      hovered: null,
      pinned: null,
      struck: new Set(), // left out in a what-if
      hint: card.querySelector(".mm-pointed").textContent, // said where nothing is pointed at
    };
    const pin = (unit) => change({ pinned: unit === state.pinned ? null : unit });
    const map = { card, state, change, press: pin, brush: () => {} };
    Object.assign(map, knowing(state, partsOf(card, signal, {
      hover: (unit) => unit !== state.hovered && change({ hovered: unit }),
      press: (unit) => map.press(unit),
      brush: (unit) => map.brush(unit),
    })));
    let waiting = false;

    function change(changes) {
      Object.assign(state, changes);
      card.querySelector(".mm-pointed").textContent = said(map);
      if (!waiting) requestAnimationFrame(show);
      waiting = true;
    }

    function show() {
      waiting = false;
      paint(map);
    }

    slide(card, signal);
    document.addEventListener("mmdemo:strength", () => change({}), { signal });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && state.pinned !== null) change({ pinned: null });
    }, { signal });
    paint(map);
    return map;
  };

  // How strong the map lies over picture and sound, for this visit.
  function slide(card, signal) {
    const slider = card.querySelector(".mm-strength input");
    if (!slider) return;
    const show = () => {
      slider.value = mmdemo.veil.strength.get();
      slider.setAttribute("aria-valuetext", mmdemo.t("common.percent", { number: slider.value }));
    };
    slider.addEventListener("input", () => mmdemo.veil.strength.set(slider.value));
    document.addEventListener("mmdemo:strength", show, { signal });
    show();
  }

  // What can be asked of the units.
  function knowing(state, parts) {
    const partOf = (unit) => parts.find((part) => unit >= part.first && unit < part.first + part.count);
    const name = (unit) => partOf(unit).name(unit - partOf(unit).first);
    // What a unit met lights up in the other modalities; of a lone one, in itself.
    const lights = (part, unit) => parts.length === 1 || partOf(unit) !== part;

    // The shares of what a unit met, among what lights up for it; null where that is not known, or it met nothing.
    function met(unit) {
      const weights = state.met?.(unit);
      return weights ? mmdemo.scale.even(weights, (other) => other !== unit && lights(partOf(other), unit)) : null;
    }

    // The names of the two units that have most.
    function most(shares, among = () => true) {
      const sorted = [...shares.keys()].filter(among).sort((one, other) => shares[other] - shares[one]);
      return sorted.slice(0, 2).map(name).join(mmdemo.t("common.and"));
    }

    return { parts, partOf, name, lights, met, most };
  }

  function paint({ state, parts, partOf, lights, met }) {
    const from = state.pinned ?? state.hovered;
    const lit = from === null ? null : met(from);
    for (const part of parts) {
      const { shares, signed } = lit && lights(part, from) ? { shares: lit, signed: false } : state.view;
      const own = (units) => units.filter((unit) => unit !== null && partOf(unit) === part).map((unit) => unit - part.first);
      part.paint({
        shares: shares.slice(part.first, part.first + part.count),
        signed,
        outlined: own([...new Set([state.pinned, state.hovered])]),
        pressed: own([state.pinned, ...state.struck]),
        struck: own([...state.struck]),
      });
    }
  }

  // The line under the map: what is pointed at, or else what is pinned and what it met.
  function said({ state, name, lights, partOf, met, most }) {
    const { hovered, pinned, view } = state;
    const lit = pinned === null ? null : met(pinned);
    if (hovered !== null && (hovered !== pinned || !lit)) {
      const shown = lit && lights(partOf(hovered), pinned) ? lit : view.shares;
      return mmdemo.t("explain.pointed", { what: name(hovered), share: shareOf(shown[hovered]) });
    }
    if (pinned === null) return state.hint;
    if (!lit) return mmdemo.t("explain.pinned", { what: name(pinned) });
    const places = most(lit, (unit) => unit !== pinned && lights(partOf(unit), pinned));
    return mmdemo.t("explain.pinned_met", { what: name(pinned), places });
  }

  // In the order of their units; `on` speaks of units, a part of its own cells, words or moments.
  function partsOf(card, signal, on) {
    const parts = [];
    let first = 0;
    const add = (element, make, kind) => {
      if (!element) return;
      const start = first;
      const of = (tell) => (number) => tell(number === null ? null : start + number);
      const part = make(element, { hover: of(on.hover), press: of(on.press), brush: of(on.brush) }, signal);
      parts.push({ ...part, kind, first: start });
      first += part.count;
    };
    add(card.querySelector(".mm-picture-map"), mmdemo.figure, "image");
    add(card.querySelector(".mm-words"), wordsOf, "text");
    add(card.querySelector(".mm-sound-map"), mmdemo.figure, "audio");
    return parts;
  }

  function shareOf(share) {
    return mmdemo.t("explain.share", { times: Math.abs(share) < 9.95 ? share.toFixed(1) : share.toFixed(0) });
  }

  function wordsOf(list, on) {
    const words = [...list.querySelectorAll(".mm-word")];
    const numberOf = (event) => {
      const place = words.indexOf(event.target.closest(".mm-word"));
      return place < 0 ? null : place;
    };

    function colour({ shares, signed, outlined, pressed, struck }) {
      words.forEach((word, number) => {
        const [ground, ink] = mmdemo.scale.paint(shares[number], signed) || ["", ""];
        word.style.background = ground;
        word.style.color = ink;
        word.classList.toggle("mm-quiet", !ground);
        word.classList.toggle("mm-against", signed && Boolean(ground) && shares[number] < 0);
        word.classList.toggle("mm-pointed-at", outlined.includes(number));
        word.classList.toggle("mm-struck", struck.includes(number));
        word.setAttribute("aria-pressed", pressed.includes(number));
      });
    }

    function focus(number) {
      words.forEach((word, other) => { word.tabIndex = other === number ? 0 : -1; });
      words[number].focus();
    }

    list.addEventListener("pointerover", (event) => on.hover(numberOf(event)));
    list.addEventListener("pointerleave", () => on.hover(null));
    list.addEventListener("focusin", (event) => on.hover(numberOf(event)));
    list.addEventListener("focusout", () => on.hover(null));
    list.addEventListener("click", (event) => { if (numberOf(event) !== null) on.press(numberOf(event)); });
    list.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        on.press(numberOf(event));
        return;
      }
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -words.length, End: words.length }[event.key];
      if (!step) return;
      event.preventDefault();
      const ahead = getComputedStyle(list).direction === "rtl" && event.key.startsWith("Arrow") ? -step : step;
      focus(Math.max(0, Math.min(words.length - 1, numberOf(event) + ahead)));
    });
    return { element: list, count: words.length, paint: colour, name: (number) => mmdemo.t("explain.word", { word: words[number].textContent }) };
  }
})();
