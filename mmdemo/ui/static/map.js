// Where the model looked: over the picture, along the sound, and on the words. Numbers come from the server as they are
// shown there (mmdemo/ui/looked.py); here they are painted and pointed at.
(() => {
  "use strict";
  const VEIL = [10, 18, 40]; // what was not looked at lies under it
  const DARKEST = 0.8; // its opacity at the low end of the scale; it thins out fast, so that pictures stay readable
  const FINE = 16; // veil pixels along a cell

  mmdemo.showMap = (root, signal) => {
    const pointed = root.querySelector(".mm-pointed");
    const idle = pointed.textContent;
    const say = (what, share) => {
      pointed.textContent = what === null ? idle : mmdemo.t("explain.pointed", { what, share });
    };
    for (const figure of root.querySelectorAll("[data-grid]")) mapOf(figure, say, signal);
    const words = root.querySelector(".mm-words");
    if (words) wordsOf(words, say);
  };

  // --- picture and sound: a grid of cells ------------------------------------------------------------------------

  function mapOf(figure, say, signal) {
    const canvas = figure.querySelector("canvas");
    const pen = canvas.getContext("2d");
    const grid = JSON.parse(figure.dataset.grid);
    const veil = veilOf(grid);
    const picture = new Image();
    const sound = figure.querySelector("audio");
    const seconds = Number(figure.dataset.seconds);
    let cell = null;

    function paint() {
      pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
      pen.imageSmoothingQuality = "high";
      pen.drawImage(veil, 0, 0, canvas.width, canvas.height);
      if (sound) drawCurve(canvas, pen, grid, seconds);
      if (sound && sound.currentTime > 0) drawCursor(canvas, pen, sound.currentTime / seconds);
      if (cell !== null) outline(canvas, pen, box(cell));
    }

    function box(number) {
      const row = Math.floor(number / grid.columns);
      const column = number % grid.columns;
      const [left, right] = seconds
        ? [grid.edges_s[column] / seconds, Math.min(1, grid.edges_s[column + 1] / seconds)]
        : [column / grid.columns, (column + 1) / grid.columns];
      return [left * canvas.width, (row / grid.rows) * canvas.height, (right - left) * canvas.width, canvas.height / grid.rows];
    }

    function point(number) {
      cell = number;
      paint();
      if (number === null) say(null);
      else say(nameOf(grid, number), shareOf(grid.shares[number]));
    }

    function under({ clientX, clientY }) {
      const edges = canvas.getBoundingClientRect();
      const x = ((clientX - edges.left) / edges.width) * canvas.width;
      const y = ((clientY - edges.top) / edges.height) * canvas.height;
      const found = grid.shares.findIndex((_, number) => {
        const [left, top, width, height] = box(number);
        return x >= left && x < left + width && y >= top && y < top + height;
      });
      return found < 0 ? null : found;
    }

    canvas.addEventListener("pointermove", (event) => point(under(event)));
    canvas.addEventListener("pointerdown", (event) => point(under(event)));
    canvas.addEventListener("pointerleave", () => point(null));
    canvas.addEventListener("blur", () => point(null));
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -grid.columns, ArrowDown: grid.columns }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = cell === null ? strongest(grid) : cell + step;
      if (next >= 0 && next < grid.shares.length) point(next);
    });
    if (sound) player(figure, sound, seconds, paint, signal);
    picture.onload = paint;
    picture.src = figure.dataset.picture;
  }

  const strongest = (grid) => grid.shares.indexOf(Math.max(...grid.shares));

  function nameOf(grid, number) {
    if (grid.edges_s.length) {
      const [start, end] = grid.edges_s.slice(number, number + 2).map((edge) => edge.toFixed(1));
      return mmdemo.t("explain.span", { start, end });
    }
    const row = Math.floor(number / grid.columns) + 1;
    return mmdemo.t("explain.cell", { row, column: (number % grid.columns) + 1 });
  }

  function shareOf(share) {
    return mmdemo.t("explain.share", { times: Math.abs(share) < 9.95 ? share.toFixed(1) : share.toFixed(0) });
  }

  // The veil is smooth (cubic between the cells' middles), so that no edge shows that the picture doesn't have.
  function veilOf({ rows, columns, levels }) {
    const canvas = Object.assign(document.createElement("canvas"), { width: columns * FINE, height: rows * FINE });
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(canvas.width, canvas.height);
    const at = (row, column) =>
      levels[Math.max(0, Math.min(rows - 1, row)) * columns + Math.max(0, Math.min(columns - 1, column))];
    for (let y = 0; y < canvas.height; y += 1) {
      for (let x = 0; x < canvas.width; x += 1) {
        const bright = Math.max(0, Math.min(1, smooth(at, (y + 0.5) / FINE - 0.5, (x + 0.5) / FINE - 0.5)));
        image.data.set([...VEIL, 255 * DARKEST * (1 - bright) ** 2], 4 * (y * canvas.width + x));
      }
    }
    pen.putImageData(image, 0, 0);
    return canvas;
  }

  function smooth(at, y, x) {
    const [row, column] = [Math.floor(y), Math.floor(x)];
    const along = [-1, 0, 1, 2].map((step) =>
      cubic([-1, 0, 1, 2].map((other) => at(row + step, column + other)), x - column));
    return cubic(along, y - row);
  }

  // Catmull and Rom's spline through the two middle ones of four values.
  function cubic([a, b, c, d], t) {
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
  }

  // Bright and dark side by side, so that it is seen on any picture.
  function outline(canvas, pen, [left, top, width, height]) {
    const unit = canvas.width / canvas.getBoundingClientRect().width;
    for (const [colour, thick] of [["#101828", 5], ["#fee838", 2.5]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = thick * unit;
      pen.strokeRect(left + unit, top + unit, width - 2 * unit, height - 2 * unit);
    }
  }

  // --- sound alone -----------------------------------------------------------------------------------------------

  function drawCurve(canvas, pen, grid, seconds) {
    const points = grid.levels.map((level, number) => {
      const middle = (grid.edges_s[number] + grid.edges_s[number + 1]) / 2;
      return [(middle / seconds) * canvas.width, canvas.height * (0.95 - 0.85 * level)];
    });
    for (const [colour, thick] of [["#101828", 9], ["#fee838", 4]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = thick;
      pen.lineJoin = "round";
      pen.beginPath();
      points.forEach(([x, y], number) => (number ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      pen.stroke();
    }
  }

  function drawCursor(canvas, pen, part) {
    pen.fillStyle = "#ffffff";
    pen.fillRect(part * canvas.width - 2, 0, 4, canvas.height);
  }

  function player(figure, sound, seconds, paint, signal) {
    const canvas = figure.querySelector("canvas");
    const button = figure.querySelector(".mm-play");
    const clock = figure.querySelector(".mm-clock");
    const show = () => {
      clock.textContent = `${sound.currentTime.toFixed(1)} s`;
      button.setAttribute("aria-pressed", !sound.paused);
      paint();
    };
    const step = () => {
      show();
      if (!sound.paused && !signal.aborted) requestAnimationFrame(step);
    };
    button.addEventListener("click", () => (sound.paused ? sound.play() : sound.pause()));
    canvas.addEventListener("click", (event) => {
      const edges = canvas.getBoundingClientRect();
      sound.currentTime = ((event.clientX - edges.left) / edges.width) * seconds;
    });
    sound.addEventListener("play", step);
    for (const event of ["pause", "seeked", "ended"]) sound.addEventListener(event, show);
    signal.addEventListener("abort", () => sound.pause());
  }

  // --- words -----------------------------------------------------------------------------------------------------

  function wordsOf(list, say) {
    const words = [...list.querySelectorAll(".mm-word")];
    const point = (word) => {
      for (const other of words) other.classList.toggle("mm-pointed-at", other === word);
      if (word) say(word.textContent, word.dataset.said);
      else say(null);
    };
    const wordOf = (event) => event.target.closest(".mm-word");
    list.addEventListener("pointerover", (event) => point(wordOf(event)));
    list.addEventListener("pointerleave", () => point(null));
    list.addEventListener("focusin", (event) => point(wordOf(event)));
    list.addEventListener("focusout", () => point(null));
    list.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -words.length, End: words.length }[event.key];
      if (!step) return;
      event.preventDefault();
      const ahead = getComputedStyle(list).direction === "rtl" && event.key.startsWith("Arrow") ? -step : step;
      const next = words[Math.max(0, Math.min(words.length - 1, words.indexOf(wordOf(event)) + ahead))];
      for (const word of words) word.tabIndex = word === next ? 0 : -1;
      next.focus();
    });
  }
})();
