// A picture or a sound as a grid that can be pointed at: cells of the picture, moments of the sound.
(() => {
  "use strict";
  const LONG_S = 1; // from which tenths of a second tell moments apart, as in mmdemo/ui/maps/map_views.py
  const { casing, bright } = window.mmdemoScale;
  const [LEFT_OUT, STRUCK] = mmdemo.colours("left-out", "struck");

  // `on`: hover(number or null), press(number), brush(number) while the pointer is drawn over cells.
  mmdemo.figure = (figure, on, signal) => {
    const canvas = figure.querySelector("canvas");
    const pen = canvas.getContext("2d");
    const grid = JSON.parse(figure.dataset.grid);
    const seconds = Number(figure.dataset.seconds);
    const layer = mmdemo.element("canvas", { width: canvas.width, height: canvas.height });
    const picture = new Image();
    const sound = figure.querySelector("audio");
    const wave = sound && mmdemo.sound.bytesOf(figure.dataset.wave);
    const count = grid.rows * grid.columns;
    let cell = null; // that the keyboard or the pointer is at
    let last = null; // view that was painted

    function paint(view = last) {
      if (!view) return;
      if (view.shares !== last?.shares || view.signed !== last?.signed) mmdemo.veil.paint(layer, grid, at, view, unit());
      last = view;
      ground(pen);
      pen.globalAlpha = mmdemo.veil.strength.get() / 100;
      pen.drawImage(layer, 0, 0);
      if (sound) mmdemo.sound.curve(canvas, pen, grid, view);
      pen.globalAlpha = 1;
      for (const number of view.struck) strike(pen, box(number));
      if (sound) mmdemo.sound.cursor(canvas, pen, grid, sound);
      for (const number of view.outlined) outline(pen, unit(), box(number));
    }

    // What lies under the map.
    function ground(onto) {
      if (!sound) return onto.drawImage(picture, 0, 0, canvas.width, canvas.height);
      mmdemo.sound.ground(canvas, onto, picture);
      mmdemo.sound.wave(canvas, onto, wave);
    }

    // Pixels of the canvas in one of the screen; of a map that is folded away, one.
    function unit() {
      return canvas.width / (canvas.getBoundingClientRect().width || canvas.width);
    }

    // Where the corner (x, y) of the grid's cells lies.
    function at(x, y) {
      const part = seconds ? grid.edges_s[x] / seconds : x / grid.columns;
      return [part * canvas.width, (y / grid.rows) * canvas.height];
    }

    function box(number) {
      const [row, column] = [Math.floor(number / grid.columns), number % grid.columns];
      const [[left, top], [right, bottom]] = [at(column, row), at(column + 1, row + 1)];
      return [left, top, Math.min(canvas.width, right) - left, bottom - top];
    }

    // The two of which the figure is made, for whoever lays them over one another elsewhere.
    function layers() {
      const [under, over] = [canvas, layer].map(({ width, height }) => mmdemo.element("canvas", { width, height }));
      ground(under.getContext("2d"));
      const onto = over.getContext("2d");
      onto.drawImage(layer, 0, 0);
      if (sound) mmdemo.sound.curve(over, onto, grid, last);
      return { under, over };
    }

    function cellAt({ clientX, clientY }) {
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
      point(cellAt(event));
      if (event.buttons === 1 && cell !== null && cell !== before) on.brush(cell);
    });
    canvas.addEventListener("pointerdown", (event) => {
      point(cellAt(event));
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

    return { element: figure, count, paint, layers, name: (number) => nameOf(grid, number) };
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
  function outline(pen, unit, [left, top, width, height]) {
    for (const [colour, thick] of [[casing, 5], [bright, 2.5]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = thick * unit;
      pen.strokeRect(left + unit, top + unit, width - 2 * unit, height - 2 * unit);
    }
  }

  // What is left out in a what-if: grey, and struck through.
  function strike(pen, [left, top, width, height]) {
    pen.fillStyle = LEFT_OUT;
    pen.fillRect(left, top, width, height);
    pen.strokeStyle = STRUCK;
    pen.lineWidth = Math.max(2, width / 16);
    pen.beginPath();
    pen.moveTo(left, top + height);
    pen.lineTo(left + width, top);
    pen.stroke();
  }
})();
