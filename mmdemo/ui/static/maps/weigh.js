// What decided the answer, and whether its map can be trusted: figures that arrive about a second after the map.
(() => {
  "use strict";
  const PATIENCE_MS = 350; // how long a choice of map must stand before it is asked about

  // ask(choice) → what page_weigh returns of one map (mmdemo/ui/maps/analysis.py); `known` remembers it by map, so that
  // switching back asks nobody.
  mmdemo.weigh = (map, known, ask, signal) => {
    const slot = map.card.querySelector(".mm-weighed");
    const calm = mmdemo.debounced(signal);
    let current = "";
    let figures = null; // of the map that is shown

    // Show what is known of a map, null for one that nobody weighs.
    function of(choice) {
      calm.cancel();
      if (choice === null) return forget();
      const key = [choice.method, choice.target, choice.against].join("\n");
      if (key === current) return;
      current = key;
      if (known.has(key)) return show(known.get(key));
      wait();
      calm.after(known.size ? PATIENCE_MS : 0, async () => {
        const answer = await ask(choice).catch((error) => ({ problem: error.message }));
        if (!answer.problem) known.set(key, answer);
        if (key === current && !signal.aborted) show(answer);
      });
    }

    function forget() {
      [current, figures] = ["", null];
      slot.hidden = true;
      map.card.classList.remove("mm-doubted");
    }

    function wait() {
      figures = null;
      slot.hidden = false;
      slot.setAttribute("aria-busy", "true");
      map.card.classList.remove("mm-doubted");
      if (!slot.firstChild) slot.append(mmdemo.element("p", { className: "mm-muted", textContent: mmdemo.t("explain.weighing") }));
    }

    function show(answer) {
      slot.hidden = false;
      slot.setAttribute("aria-busy", "false");
      if (answer.problem) return slot.replaceChildren(document.createTextNode(answer.problem));
      figures = answer;
      slot.innerHTML = answer.html;
      map.card.classList.toggle("mm-doubted", answer.doubted);
    }

    return { of, json: () => figures?.json ?? null };
  };
})();
