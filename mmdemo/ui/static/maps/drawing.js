// The map as one picture: the original beside the map, with the legend that tells for from against, words and sentences.
mmdemo.drawing = (() => {
  "use strict";
  const WIDTH = 960; // pixels
  const MARGIN = 40;
  const GAP = 20; // between the original and the map
  const INSIDE = WIDTH - 2 * MARGIN;
  const [INK, SOFT, MUTED, PAPER, WELL] = mmdemo.colours("ink", "soft", "muted", "card", "well");
  const FONT = '"Inter", "Segoe UI", "Helvetica Neue", Arial, "Liberation Sans", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif';
  const { lines, casing, ground: SHOWN, looked, towards, against } = window.mmdemoScale;

  // `answer` is the card above the map, `facts` the sentences at the foot. Returns the bytes of a PNG.
  return (map, answer, facts) => {
    const canvas = mmdemo.element("canvas", { width: WIDTH, height: 3000 });
    const pen = canvas.getContext("2d");
    const doubted = map.card.classList.contains("mm-doubted");
    pen.fillStyle = PAPER;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.textBaseline = "top";
    let y = MARGIN;
    const write = (text, size, weight = 400, colour = INK) => {
      pen.font = `${weight} ${size}px ${FONT}`;
      pen.fillStyle = colour;
      y = paragraph(pen, text, y, size * 1.45);
    };
    write(answer.querySelector(".mm-answer-name").textContent, 40, 700);
    write(answer.querySelector(".mm-badge").textContent.trim(), 17, 400, MUTED);
    for (const part of map.parts) if (part.layers) y = pair(pen, part.layers(), y + 10, doubted);
    y = chips(pen, map.card.querySelectorAll(".mm-word"), y + 6, doubted);
    y = legend(pen, map.state.view.signed, y, doubted);
    write(map.card.querySelector(".mm-sentence").textContent, 20);
    write(map.card.querySelector(".mm-trusted p:last-child")?.textContent ?? "", 17, 400, MUTED);
    write(facts.join(" · "), 15, 400, MUTED);
    return cut(canvas, y + MARGIN);
  };

  // Pictures stand side by side, sounds one under the other: they are wide.
  function pair(pen, { under, over }, top, doubted) {
    const wide = under.width > 2 * under.height;
    const scale = Math.min((wide ? INSIDE : (INSIDE - GAP) / 2) / under.width, 560 / under.height);
    const [width, height] = [under.width * scale, under.height * scale];
    let [x, y] = [MARGIN, top];
    for (const [name, laid] of [["explain.original", 0], ["explain.title", mmdemo.veil.strength.get() / 100]]) {
      pen.font = `500 15px ${FONT}`;
      pen.fillStyle = MUTED;
      pen.fillText(mmdemo.t(name), x, y);
      pen.filter = laid && doubted ? "grayscale(1)" : "none";
      pen.drawImage(under, x, y + 24, width, height);
      pen.globalAlpha = laid;
      pen.drawImage(over, x, y + 24, width, height);
      pen.globalAlpha = 1;
      pen.filter = "none";
      if (wide) y += height + 40;
      else x += width + GAP;
    }
    return wide ? y : y + height + 46;
  }

  function paragraph(pen, text, top, height) {
    let [line, y] = ["", top];
    for (const { segment } of new Intl.Segmenter(mmdemo.language, { granularity: "word" }).segment(text)) {
      if (pen.measureText(line + segment).width > INSIDE) {
        pen.fillText(line, MARGIN, y);
        [line, y] = [segment.trimStart(), y + height];
      } else line += segment;
    }
    pen.fillText(line, MARGIN, y);
    return text ? y + height + 6 : top;
  }

  function chips(pen, words, top, doubted) {
    let [x, y] = [MARGIN, top];
    pen.font = `400 22px ${FONT}`;
    pen.filter = doubted ? "grayscale(1)" : "none";
    for (const word of words) {
      const width = pen.measureText(word.textContent).width + 16;
      if (x + width > WIDTH - MARGIN) [x, y] = [MARGIN, y + 46];
      pen.fillStyle = word.style.backgroundColor || WELL;
      pen.fillRect(x, y, width, 38);
      pen.fillStyle = word.style.color || SOFT;
      pen.fillText(word.textContent, x + 8, y + 8);
      if (word.classList.contains("mm-against")) frame(pen, pen.fillStyle, [x + 2, y + 2, width - 4, 34], [6, 4], 2);
      x += width + 6;
    }
    pen.filter = "none";
    return words.length ? y + 56 : top;
  }

  // What the card's legend says, in one line.
  function legend(pen, signed, top, doubted) {
    pen.font = `400 16px ${FONT}`;
    pen.filter = doubted ? "grayscale(1)" : "none";
    const [low, high] = signed ? ["explain.speaks_against", "explain.speaks_for"] : ["explain.little", "explain.much"];
    let x = MARGIN;
    const swatch = (colour, dashes) => {
      pen.fillStyle = SHOWN;
      pen.fillRect(x, top, 30, 22);
      if (dashes.length) hatch(pen, [x, top, 30, 22]);
      frame(pen, casing, [x + 2, top + 2, 26, 18], [], 5);
      frame(pen, colour, [x + 1.5, top + 1.5, 27, 19], dashes, 3);
      x += 40;
    };
    const say = (key) => {
      pen.fillStyle = MUTED;
      pen.fillText(mmdemo.t(key), x, top + 3);
      x += pen.measureText(mmdemo.t(key)).width + 10;
    };
    if (signed) swatch(lines.against, [7, 4]);
    say(low);
    const shades = (signed ? [...against].reverse().concat(towards) : looked).map(([ground]) => ground);
    const ramp = pen.createLinearGradient(x, 0, x + 260, 0);
    for (const [number, shade] of shades.entries()) ramp.addColorStop(number / (shades.length - 1), shade);
    pen.fillStyle = ramp;
    pen.fillRect(x, top + 5, 260, 12);
    x += 272;
    say(high);
    swatch(signed ? lines.towards : lines.looked, []);
    pen.filter = "none";
    return top + 44;
  }

  function frame(pen, colour, [left, top, width, height], dashes, thick) {
    Object.assign(pen, { strokeStyle: colour, lineWidth: thick });
    pen.setLineDash(dashes);
    pen.strokeRect(left, top, width, height);
    pen.setLineDash([]);
  }

  function hatch(pen, [left, top, width, height]) {
    pen.save();
    pen.beginPath();
    pen.rect(left, top, width, height);
    pen.clip();
    Object.assign(pen, { strokeStyle: lines.against, lineWidth: 2 });
    pen.beginPath();
    for (let x = left - height; x < left + width; x += 8) {
      pen.moveTo(x, top + height);
      pen.lineTo(x + height, top);
    }
    pen.stroke();
    pen.restore();
  }

  function cut(canvas, height) {
    const out = mmdemo.element("canvas", { width: WIDTH, height: Math.min(canvas.height, Math.ceil(height)) });
    out.getContext("2d").drawImage(canvas, 0, 0);
    return new Promise((resolve) => out.toBlob(resolve, "image/png"));
  }
})();
