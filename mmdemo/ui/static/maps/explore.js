// What comes after the answer, by one call: what met what, and the other maps to switch between without asking again.
(() => {
  "use strict";

  // `study` is what page_study returns (mmdemo/ui/maps/analysis.py); `onChoice` is told which of its maps is shown. Returns a
  // function that tells the same.
  mmdemo.explore = (map, study, onChoice) => {
    const picks = Object.fromEntries([...map.card.querySelectorAll("[data-pick]")].map((pick) => [pick.dataset.pick, pick]));
    const attended = study.attended && attendedOf(study.attended);
    let choice = study.maps[0];

    fill(picks.method, [...new Map(study.maps.map((each) => [each.method, each.name]))]);
    if (attended) {
      const numbered = (count, key) => Array.from({ length: count }, (_, number) => [number, mmdemo.t(key, { number: number + 1 })]);
      // Of one layer there is nothing to choose: all of them are that one.
      const choices = (count, key) => (count > 1 ? numbered(count, key) : []);
      fill(picks.layer, [["", mmdemo.t("explain.all_layers")], ...choices(study.attended.layers, "explain.layer")]);
      fill(picks.head, [["", mmdemo.t("explain.all_heads")], ...choices(study.attended.heads, "explain.head")]);
    }
    for (const pick of Object.values(picks)) pick.addEventListener("change", () => choose(pick === picks.method));
    choose(true);
    map.card.querySelector(".mm-method").hidden = true;
    return () => choice;

    function choose(another) {
      const offered = study.maps.filter((each) => each.method === picks.method.value);
      if (another) {
        const wanted = offered.findIndex((each) => each.why === choice.why);
        fill(picks.why, offered.map((each, number) => [number, each.why]));
        picks.why.value = Math.max(0, wanted);
      }
      choice = offered[picks.why.value];
      const chosen = [picks.layer, picks.head].map((pick) => (pick.value === "" ? null : Number(pick.value)));
      const met = attended?.met(...chosen);
      const own = choice.method === "attention" && chosen.some((number) => number !== null);
      const shares = (own && attended.answer(...chosen)) || choice.shares;
      map.change({ view: { shares, signed: choice.signed }, met });
      show(own ? shares : null);
      onChoice(own ? null : choice); // nobody has weighed the map of one head
    }

    // The sentence of the server's maps is the server's, which has escaped what it quotes.
    function show(own) {
      const find = (selector) => map.card.querySelector(selector);
      if (own) find(".mm-sentence").textContent = mmdemo.t("explain.mostly", { places: map.most(own) });
      else find(".mm-sentence").innerHTML = choice.sentence;
      for (const canvas of map.card.querySelectorAll("canvas")) {
        canvas.setAttribute("aria-label", `${find(".mm-sentence").textContent} ${mmdemo.t("explain.keys")}`);
      }
      for (const legend of map.card.querySelectorAll(".mm-legend")) legend.hidden = (legend.dataset.signed !== undefined) !== choice.signed;
    }
  };

  function fill(pick, options) {
    pick.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    pick.closest("label").hidden = options.length < 2;
  }

  // Attention as it was sent: √weight in 255 steps, by layer and head.
  function attendedOf({ layers, heads, units, answer, met }) {
    const [rows, meetings] = [bytesOf(answer), bytesOf(met)];

    // The mean over the chosen layers and heads (null for all) of tables of `size` values.
    function mean(bytes, size, layer, head) {
      const total = new Float32Array(size);
      for (let place = 0; place < layers * heads; place += 1) {
        if ((layer ?? Math.floor(place / heads)) !== Math.floor(place / heads)) continue;
        if ((head ?? place % heads) !== place % heads) continue;
        for (let at = 0; at < size; at += 1) total[at] += WEIGHT[bytes[place * size + at]];
      }
      return total;
    }

    return {
      answer: (layer, head) => mmdemo.scale.even(mean(rows, units, layer, head)),
      met(layer, head) {
        if (!meetings.length) return null;
        const table = mean(meetings, units * units, layer, head);
        return (unit) => table.subarray(unit * units, (unit + 1) * units);
      },
    };
  }

  const WEIGHT = Float32Array.from({ length: 256 }, (_, step) => (step / 255) ** 2);

  function bytesOf(text) {
    const signs = atob(text);
    const bytes = new Uint8Array(signs.length);
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = signs.charCodeAt(at);
    return bytes;
  }
})();
