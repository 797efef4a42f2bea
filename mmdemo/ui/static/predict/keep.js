// Keep it: the map as one file, made here in the browser: HTML that needs nothing else, a picture, or figures.
(() => {
  "use strict";
  const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"; // no script, nobody asked

  // `answer` is the card above the map, `view` what the page holds of the prediction, `choice()` the map that is shown,
  // `weighed()` its contributions and trust once they are there.
  mmdemo.keep = (map, answer, view, choice, weighed) => {
    const facts = () => [
      mmdemo.t("predict.version", { version: view.json.model_version }), choice().name, choice().why,
      ...(weighed() ? [mmdemo.t("explain.seed", { seed: weighed().trust.seed })] : []),
    ];
    const makers = {
      html: async () => new Blob([page(map, answer, facts())], { type: "text/html" }),
      png: () => mmdemo.drawing(map, answer, facts()),
      json: async () => new Blob([JSON.stringify(figures(map, view, choice(), weighed()), null, 2)], { type: "application/json" }),
    };
    map.card.addEventListener("click", async ({ target }) => {
      const form = target.dataset?.keep;
      if (form) mmdemo.download(await makers[form](), `explanation.${form}`);
    });
  };

  // --- HTML ------------------------------------------------------------------------------------------------------

  function page(map, answer, facts) {
    const copy = map.card.cloneNode(true);
    const painted = map.parts.filter((part) => part.layers);
    for (const [number, canvas] of copy.querySelectorAll("canvas").entries()) canvas.replaceWith(pair(painted[number].layers(), map));
    if (painted.length) copy.querySelector(".mm-look").append(steps());
    for (const gone of copy.querySelectorAll(".mm-strength, .mm-pick, .mm-pointed, .mm-tools, .mm-time, [hidden]")) gone.remove();
    for (const word of copy.querySelectorAll(".mm-struck")) word.classList.remove("mm-struck");
    for (const sound of copy.querySelectorAll("audio")) sound.controls = true;
    for (const part of [copy, ...copy.querySelectorAll("*")]) {
      for (const { name } of [...part.attributes]) if (/^data-|^tabindex$|^role$|^aria-(pressed|live|busy)$/.test(name)) part.removeAttribute(name);
    }
    const said = answer.cloneNode(true);
    for (const gone of said.querySelectorAll(".mm-after, .mm-dispute, .mm-now, .mm-believed")) gone.remove();
    const badge = said.querySelector(".mm-badge"); // which opens nothing there
    badge?.replaceWith(mmdemo.element("p", { className: "mm-badge" }, ...badge.childNodes));
    const foot = mmdemo.element("p", { className: "mm-muted mm-facts", textContent: facts.join(" · ") });
    const styles = [...document.head.querySelectorAll("style")].map((style) => style.textContent).filter((text) => text.includes("mm-"));
    return `<!doctype html>
<html lang="${document.documentElement.lang}">
<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>${mmdemo.t("explain.title")}</title>
<style>${styles.join("\n")}</style></head>
<body class="${document.body.classList.contains("dark") ? "dark" : ""}"><main class="mm-part mm-kept-map">
${said.outerHTML}${copy.outerHTML}${foot.outerHTML}</main></body></html>`;
  }

  // The original, and beside it the same with the map laid over it.
  function pair({ under, over }, map) {
    const original = under.toDataURL("image/jpeg", 0.9);
    const sentence = map.card.querySelector(".mm-sentence").textContent;
    return mmdemo.element(
      "div", { className: "mm-pair" },
      laid("explain.original", picture(original, mmdemo.t("explain.original"))),
      laid("explain.title", picture(original, sentence), Object.assign(picture(over.toDataURL(), ""), { className: "mm-layer" })),
    );
  }

  function laid(name, ...pictures) {
    const title = mmdemo.element("p", { className: "mm-muted", textContent: mmdemo.t(name) });
    return mmdemo.element("div", {}, title, mmdemo.element("div", { className: "mm-laid" }, ...pictures));
  }

  const picture = (src, alt) => Object.assign(new Image(), { src, alt });

  // The slider in steps, which need no script: kept.css says what each does to the layer.
  function steps() {
    const { get, steps: all } = mmdemo.veil.strength;
    const nearest = all.reduce((best, step) => (Math.abs(step - get()) < Math.abs(best - get()) ? step : best));
    const field = mmdemo.element("fieldset", { className: "mm-steps mm-muted" });
    field.append(mmdemo.element("legend", { textContent: mmdemo.t("explain.strength") }));
    for (const step of all) {
      const input = mmdemo.element("input", { type: "radio", name: "mm-strength" });
      input.setAttribute("value", step); // attributes are written into the file, properties are not
      input.toggleAttribute("checked", step === nearest);
      field.append(mmdemo.element("label", {}, input, mmdemo.t("common.percent", { number: step })));
    }
    return field;
  }

  // --- figures ---------------------------------------------------------------------------------------------------

  function figures(map, view, choice, weighed) {
    const shares = {};
    for (const part of map.parts) {
      shares[part.kind] = Array.from(map.state.view.shares.slice(part.first, part.first + part.count), (share) => Number(share.toFixed(3)));
    }
    const { method, target, against, signed } = choice;
    return { ...view.json, map: { method, target, against, signed, unit: "multiples of an even share", shares }, ...weighed };
  }
})();
