// Where the model looked: over the picture, on the words, along the sound. Everything that can be pointed at is a unit,
// counted as the server counts them (mmdemo/ui/looked.py): cells, words, moments.
(() => {
  "use strict";
  const NOTHING = new Set();

  // Bring the card under `root` to life and return what others change it by.
  mmdemo.showMap = (root, signal) => {
    const card = root.querySelector(".mm-map");
    const state = {
      view: JSON.parse(card.dataset.told), // {shares, signed}
      met: null, // met(unit) → the shares of what it met, once that is known
      hovered: null,
      pinned: null,
      struck: NOTHING, // left out in a what-if
      hint: card.querySelector(".mm-pointed").textContent, // said where nothing is pointed at
    };
    const parts = partsOf(card, signal, { hover, press: (unit) => map.press(unit), brush: (unit) => map.brush(unit) });
    let waiting = false;

    function change(changes) {
      Object.assign(state, changes);
      say();
      if (!waiting) requestAnimationFrame(paint);
      waiting = true;
    }

    function paint() {
      waiting = false;
      const { pinned, hovered } = state;
      const from = pinned ?? hovered;
      const met = from === null ? null : map.met(from);
      for (const part of parts) part.paint(viewOf(part, met && lights(part, from) ? { shares: met, signed: false } : state.view));
    }

    // What a unit met lights up in the other modalities; of a lone one, in itself.
    const lights = (part, unit) => parts.length === 1 || partOf(unit) !== part;

    function viewOf(part, { shares, signed }) {
      const mine = (unit) => unit !== null && partOf(unit) === part;
      const local = (unit) => unit - part.first;
      return {
        shares: shares.slice(part.first, part.first + part.count),
        signed,
        outlined: [...new Set([state.pinned, state.hovered])].filter(mine).map(local),
        pinned: mine(state.pinned) ? local(state.pinned) : null,
        struck: [...state.struck].filter(mine).map(local),
      };
    }

    const partOf = (unit) => parts.find((part) => unit >= part.first && unit < part.first + part.count);
    const name = (unit) => partOf(unit).name(unit - partOf(unit).first);

    function hover(unit) {
      if (unit !== state.hovered) change({ hovered: unit });
    }

    function pin(unit) {
      change({ pinned: unit === state.pinned ? null : unit });
    }

    function say() {
      const pointed = card.querySelector(".mm-pointed");
      const { hovered, pinned, view } = state;
      const met = pinned === null ? null : map.met(pinned);
      if (hovered !== null && (hovered !== pinned || !met)) {
        const shown = met && lights(partOf(hovered), pinned) ? met : view.shares;
        pointed.textContent = mmdemo.t("explain.pointed", { what: name(hovered), share: shareOf(shown[hovered]) });
      } else if (pinned !== null) pointed.textContent = pinnedSaid(met);
      else pointed.textContent = state.hint;
    }

    function pinnedSaid(met) {
      const what = name(state.pinned);
      if (!met) return mmdemo.t("explain.pinned", { what });
      const lit = (unit) => lights(partOf(unit), state.pinned) && unit !== state.pinned;
      return mmdemo.t("explain.pinned_met", { what, places: most(met, lit) });
    }

    // The two units that have most.
    function most(shares, among = () => true) {
      const sorted = [...shares.keys()].filter(among).sort((one, other) => shares[other] - shares[one]);
      return sorted.slice(0, 2).map(name).join(mmdemo.t("common.and"));
    }

    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && state.pinned !== null) change({ pinned: null });
    }, { signal });

    const met = (unit) => (state.met ? state.met(unit) : null);
    const map = { card, state, parts, change, most, met, press: pin, brush: () => {} };
    paint();
    return map;
  };

  // In the order of their units; `on` speaks of units, a part of its own cells, words or moments.
  function partsOf(card, signal, on) {
    const found = [];
    let first = 0;
    const add = (element, make, kind) => {
      if (!element) return;
      const start = first;
      const of = (tell) => (number) => tell(number === null ? null : start + number);
      const part = make(element, { hover: of(on.hover), press: of(on.press), brush: of(on.brush) }, signal);
      found.push({ ...part, kind, first: start });
      first += part.count;
    };
    add(card.querySelector(".mm-picture-map"), mmdemo.figure, "image");
    add(card.querySelector(".mm-words"), wordsOf, "text");
    add(card.querySelector(".mm-sound-map"), mmdemo.figure, "audio");
    return found;
  }

  function shareOf(share) {
    return mmdemo.t("explain.share", { times: Math.abs(share) < 9.95 ? share.toFixed(1) : share.toFixed(0) });
  }

  function wordsOf(list, on) {
    const words = [...list.querySelectorAll(".mm-word")];
    const numberOf = (event) => {
      const found = words.indexOf(event.target.closest(".mm-word"));
      return found < 0 ? null : found;
    };

    function paint({ shares, signed, outlined, pinned, struck }) {
      words.forEach((word, number) => {
        const [ground, ink] = mmdemo.scale.paint(shares[number], signed) || ["", ""];
        word.style.background = ground;
        word.style.color = ink;
        word.classList.toggle("mm-quiet", !ground);
        word.classList.toggle("mm-pointed-at", outlined.includes(number));
        word.classList.toggle("mm-struck", struck.includes(number));
        word.setAttribute("aria-pressed", number === pinned || struck.includes(number));
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
    return { element: list, count: words.length, paint, name: (number) => mmdemo.t("explain.word", { word: words[number].textContent }) };
  }
})();
