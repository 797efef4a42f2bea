// Keep it: the map as one file, made here in the browser: HTML that needs nothing else, a picture, or figures.
(() => {
  "use strict";
  const WIDTH = 960; // of the picture, pixels
  const MARGIN = 40;
  const FONT = '"Inter", "Segoe UI", "Helvetica Neue", Arial, "Liberation Sans", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif';
  const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"; // no script, nobody asked

  // `answer` is the card above the map, `view` what the page holds of the prediction, `choice()` the map that is shown,
  // `weighed()` its contributions and trust once they are there.
  mmdemo.keep = (map, answer, view, choice, weighed) => {
    const facts = () => [
      mmdemo.t("predict.version", { version: view.json.model_version }), choice().name, choice().why,
      ...(weighed() ? [mmdemo.t("explain.seed", { seed: weighed().trust.seed })] : []),
    ];
    const makers = {
      html: async () => new Blob([page(map.card, answer, facts())], { type: "text/html" }),
      png: () => drawing(map, answer, facts()),
      json: async () => new Blob([JSON.stringify(figures(map, view, choice(), weighed()), null, 2)], { type: "application/json" }),
    };
    map.card.addEventListener("click", async ({ target }) => {
      const form = target.dataset?.keep;
      if (form) mmdemo.result.save(await makers[form](), `explanation.${form}`);
    });
  };

  // --- HTML ------------------------------------------------------------------------------------------------------

  function page(card, answer, facts) {
    const copy = card.cloneNode(true);
    const canvases = [...card.querySelectorAll("canvas")];
    copy.querySelectorAll("canvas").forEach((canvas, number) => {
      canvas.replaceWith(Object.assign(new Image(), { src: canvases[number].toDataURL("image/jpeg", 0.9), alt: canvas.getAttribute("aria-label") }));
    });
    for (const gone of copy.querySelectorAll(".mm-pick, .mm-pointed, .mm-tools, .mm-time, [hidden]")) gone.remove();
    for (const sound of copy.querySelectorAll("audio")) sound.controls = true;
    for (const part of [copy, ...copy.querySelectorAll("*")]) {
      for (const { name } of [...part.attributes]) if (/^data-|^tabindex$|^role$|^aria-(pressed|live|busy)$/.test(name)) part.removeAttribute(name);
    }
    const said = answer.cloneNode(true);
    for (const gone of said.querySelectorAll(".mm-after, .mm-dispute, .mm-now")) gone.remove();
    const foot = Object.assign(document.createElement("p"), { className: "mm-muted mm-facts", textContent: facts.join(" · ") });
    const styles = [...document.head.querySelectorAll("style")].map((style) => style.textContent).filter((text) => text.includes("mm-"));
    return `<!doctype html>
<html lang="${document.documentElement.lang}">
<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>${mmdemo.t("explain.title")}</title>
<style>${styles.join("\n")}</style></head>
<body class="${document.body.classList.contains("dark") ? "dark" : ""}"><main class="mm-part mm-kept-map">
${said.outerHTML}${copy.outerHTML}${foot.outerHTML}</main></body></html>`;
  }

  // --- picture ---------------------------------------------------------------------------------------------------

  function drawing(map, answer, facts) {
    const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: 3000 });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.textBaseline = "top";
    let y = MARGIN;
    const write = (text, size, weight = 400, colour = "#1b1a18") => {
      pen.font = `${weight} ${size}px ${FONT}`;
      pen.fillStyle = colour;
      y = paragraph(pen, text, y, size * 1.45);
    };
    write(answer.querySelector(".mm-answer-name").textContent, 40, 700);
    write(answer.querySelector(".mm-badge").textContent.trim(), 17, 400, "#6a665f");
    for (const shown of map.card.querySelectorAll("canvas")) {
      const scale = Math.min((WIDTH - 2 * MARGIN) / shown.width, 560 / shown.height);
      pen.drawImage(shown, MARGIN, y + 14, shown.width * scale, shown.height * scale);
      y += 28 + shown.height * scale;
    }
    y = chips(pen, map.card.querySelectorAll(".mm-word"), y + 6);
    write(map.card.querySelector(".mm-sentence").textContent, 20);
    write(map.card.querySelector(".mm-trusted p:last-child")?.textContent ?? "", 17, 400, "#6a665f");
    write(facts.join(" · "), 15, 400, "#6a665f");
    return cut(canvas, y + MARGIN);
  }

  function paragraph(pen, text, top, height) {
    let [line, y] = ["", top];
    for (const { segment } of new Intl.Segmenter(mmdemo.language, { granularity: "word" }).segment(text)) {
      if (pen.measureText(line + segment).width > WIDTH - 2 * MARGIN) {
        pen.fillText(line, MARGIN, y);
        [line, y] = [segment.trimStart(), y + height];
      } else line += segment;
    }
    pen.fillText(line, MARGIN, y);
    return text ? y + height + 6 : top;
  }

  function chips(pen, words, top) {
    let [x, y] = [MARGIN, top];
    pen.font = `400 22px ${FONT}`;
    for (const word of words) {
      const width = pen.measureText(word.textContent).width + 16;
      if (x + width > WIDTH - MARGIN) [x, y] = [MARGIN, y + 46];
      pen.fillStyle = word.style.background || "#efeeea";
      pen.fillRect(x, y, width, 38);
      pen.fillStyle = word.style.color || "#4a4742";
      pen.fillText(word.textContent, x + 8, y + 8);
      x += width + 6;
    }
    return words.length ? y + 56 : top;
  }

  function cut(canvas, height) {
    const out = Object.assign(document.createElement("canvas"), { width: WIDTH, height: Math.min(canvas.height, Math.ceil(height)) });
    out.getContext("2d").drawImage(canvas, 0, 0);
    return new Promise((resolve) => out.toBlob(resolve, "image/png"));
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
