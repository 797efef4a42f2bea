// A picture or a sound as a grid that can be pointed at: cells of the picture, moments of the sound.
(() => {
  "use strict";
  const LONG_S = 1; // from which tenths of a second tell moments apart, as in mmdemo/ui/looked.py

  // `on`: hover(number or null), press(number), brush(number) while the pointer is drawn over cells.
  mmdemo.figure = (figure, on, signal) => {
    const canvas = figure.querySelector("canvas");
    const pen = canvas.getContext("2d");
    const grid = JSON.parse(figure.dataset.grid);
    const seconds = Number(figure.dataset.seconds);
    const veil = document.createElement("canvas");
    const picture = new Image();
    const sound = figure.querySelector("audio");
    const wave = sound && mmdemo.sound.bytesOf(figure.dataset.wave);
    const count = grid.rows * grid.columns;
    let cell = null; // that the keyboard or the pointer is at
    let last = null; // view that was painted

    function paint(view = last) {
      if (!view) return;
      if (view.shares !== last?.shares || view.signed !== last?.signed) mmdemo.scale.veil(veil, grid, view.shares, view.signed);
      last = view;
      if (sound) mmdemo.sound.ground(canvas, pen, picture);
      else pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
      pen.drawImage(veil, 0, 0, canvas.width, canvas.height);
      if (sound) {
        mmdemo.sound.wave(canvas, pen, wave);
        mmdemo.sound.curve(canvas, pen, grid, view);
      }
      for (const number of view.struck) strike(pen, box(number));
      if (sound) mmdemo.sound.cursor(canvas, pen, grid, sound);
      for (const number of view.outlined) outline(canvas, pen, box(number));
    }

    function box(number) {
      const row = Math.floor(number / grid.columns);
      const column = number % grid.columns;
      const [left, right] = seconds
        ? [grid.edges_s[column] / seconds, Math.min(1, grid.edges_s[column + 1] / seconds)]
        : [column / grid.columns, (column + 1) / grid.columns];
      return [left * canvas.width, (row / grid.rows) * canvas.height, (right - left) * canvas.width, canvas.height / grid.rows];
    }

    function under({ clientX, clientY }) {
      const edges = canvas.getBoundingClientRect();
      const [x, y] = [(clientX - edges.left) / edges.width, (clientY - edges.top) / edges.height];
      if (x < 0 || x >= 1 || y < 0 || y >= 1) return null;
      if (!seconds) return Math.floor(y * grid.rows) * grid.columns + Math.floor(x * grid.columns);
      return Math.max(0, grid.edges_s.findLastIndex((edge, number) => number < count && edge <= x * seconds));
    }

    function point(number) {
      if (number === cell) return;
      cell = number;
      on.hover(number);
    }

    canvas.addEventListener("pointermove", (event) => {
      const before = cell;
      point(under(event));
      if (event.buttons === 1 && cell !== null && cell !== before) on.brush(cell);
    });
    canvas.addEventListener("pointerdown", (event) => {
      point(under(event));
      if (event.button === 0 && cell !== null) on.press(cell);
    });
    canvas.addEventListener("pointerleave", () => point(null));
    canvas.addEventListener("blur", () => point(null));
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        if (cell !== null) on.press(cell);
        return;
      }
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -grid.columns, ArrowDown: grid.columns }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = cell === null ? strongest(last.shares) : cell + step;
      if (next >= 0 && next < count) point(next);
    });
    if (sound) mmdemo.sound.player(figure, sound, grid, () => last, paint, signal);
    picture.onload = () => paint();
    picture.src = figure.dataset.picture;

    return { element: figure, count, paint, name: (number) => nameOf(grid, number) };
  };

  const strongest = (shares) => shares.indexOf(Math.max(...shares));

  function nameOf(grid, number) {
    if (grid.edges_s.length) {
      const decimals = grid.edges_s.at(-1) >= LONG_S ? 1 : 2;
      const [start, end] = grid.edges_s.slice(number, number + 2).map((edge) => edge.toFixed(decimals));
      return mmdemo.t("explain.span", { start, end });
    }
    const row = Math.floor(number / grid.columns) + 1;
    return mmdemo.t("explain.cell", { row, column: (number % grid.columns) + 1 });
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

  // What is left out in a what-if: grey, and struck through.
  function strike(pen, [left, top, width, height]) {
    pen.fillStyle = "rgb(128 128 128 / 88%)";
    pen.fillRect(left, top, width, height);
    pen.strokeStyle = "#ffffff";
    pen.lineWidth = Math.max(2, width / 16);
    pen.beginPath();
    pen.moveTo(left, top + height);
    pen.lineTo(left + width, top);
    pen.stroke();
  }
})();
