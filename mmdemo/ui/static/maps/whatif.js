// What if: words struck, regions masked, moments muted, whole modalities dropped, and the new answer beside the old.
(() => {
  "use strict";
  const PATIENCE_MS = 200; // a brush crosses several regions

  // ask(units, modalities) → what page_what_if returns; `bars` is the answer's card. Of some kinds of answer it says
  // nothing, and the card has no tools for it.
  mmdemo.whatIf = (map, bars, ask, signal) => {
    const find = (selector) => map.card.querySelector(selector);
    const [toggle, tools, then, restore] = ["[data-do=what-if]", ".mm-what-if", ".mm-then", "[data-do=restore]"].map(find);
    if (!toggle) return;
    const dropped = new Set();
    const { press: pin, state: { hint } } = map;
    let striking = true; // or taking back, with this stroke
    let asked = 0;
    const calm = mmdemo.debounced(signal);

    function open(on) {
      toggle.setAttribute("aria-pressed", on);
      map.card.classList.toggle("mm-striking", on);
      tools.hidden = !on;
      map.press = on ? press : pin;
      map.brush = on ? strike : () => {};
      map.change({ pinned: null, hint: on ? map.parts.map(({ kind }) => mmdemo.t(`explain.striking_${kind}`)).join(" ") : hint });
      if (!on) back();
    }

    function press(unit) {
      striking = !map.state.struck.has(unit);
      strike(unit);
    }

    function strike(unit) {
      const struck = new Set(map.state.struck);
      if (striking) struck.add(unit);
      else struck.delete(unit);
      leaveOut(struck);
    }

    function leaveOut(struck) {
      map.change({ struck });
      for (const part of map.parts) part.element.classList.toggle("mm-dropped", dropped.has(part.kind));
      restore.hidden = struck.size + dropped.size === 0;
      calm.cancel();
      asked += 1;
      if (restore.hidden) return compare(null);
      calm.after(PATIENCE_MS, () => judge(asked));
    }

    async function judge(turn) {
      const units = [...map.state.struck];
      const answer = await ask(units, [...dropped]).catch((error) => ({ sentence: error.message, percents: {}, widths: {} }));
      if (turn === asked && !signal.aborted) compare(answer);
    }

    // The new percentages stand beside the old ones in the answer's card, and a mark on each bar.
    function compare(answer) {
      then.hidden = !answer;
      then.textContent = answer?.sentence ?? "";
      bars.classList.toggle("mm-otherwise", Boolean(answer));
      for (const old of bars.querySelectorAll(".mm-now")) old.remove();
      for (const bar of answer ? bars.querySelectorAll(".mm-bar") : []) {
        const { label } = bar.dataset;
        if (!(label in answer.percents)) continue;
        const mark = mmdemo.element("span", { className: "mm-now mm-now-bar" });
        mark.style.width = `${answer.widths[label]}%`;
        bar.querySelector(".mm-track").append(mark);
        const now = mmdemo.element("span", { className: "mm-now", textContent: ` → ${answer.percents[label]}` });
        bar.querySelector(".mm-bar-percent").append(now);
      }
    }

    function drop(button) {
      const modality = button.dataset.drop;
      if (dropped.has(modality)) dropped.delete(modality);
      else dropped.add(modality);
      const chips = [...tools.querySelectorAll("[data-drop]")];
      for (const chip of chips) {
        chip.setAttribute("aria-pressed", dropped.has(chip.dataset.drop));
        // One must be left to judge by.
        chip.disabled = !dropped.has(chip.dataset.drop) && dropped.size === chips.length - 1;
      }
      leaveOut(map.state.struck);
    }

    function back() {
      dropped.clear();
      for (const chip of tools.querySelectorAll("[data-drop]")) {
        chip.setAttribute("aria-pressed", false);
        chip.disabled = false;
      }
      leaveOut(new Set());
    }

    function mute() {
      const { first, count } = map.parts.find((part) => part.kind === "audio");
      const moments = mmdemo.sound.mattered(map.state.view.shares.slice(first, first + count));
      leaveOut(new Set([...map.state.struck, ...moments.map((number) => first + number)]));
    }

    toggle.addEventListener("click", () => open(tools.hidden));
    tools.addEventListener("click", ({ target }) => {
      if (target.dataset.drop) drop(target);
      else if (target.dataset.do === "restore") back();
      else if (target.dataset.do === "mute-mattered") mute();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !tools.hidden) open(false);
    }, { signal });
  };
})();
