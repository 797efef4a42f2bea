// The map as a layer over a picture or a spectrogram: a veil over what matters little, a line around what has more than
// an even share, and hatching where it speaks against the answer. What lies under it keeps its own colours.
mmdemo.veil = (() => {
  "use strict";
  const { outlined, lines, casing, veil: [...VEIL], strengths, strength: USUAL, hatched } = window.mmdemoScale;
  const OPACITY = VEIL.pop();
  const FINE = { few: 16, many: 8 }; // veil pixels along a cell
  const MANY = 10; // columns
  const SHADES = 127; // of the veil on each side
  const [LINE, CASE, DASH] = [2.5, 1.5, [9, 6]]; // CSS pixels
  const [STRIPE, APART] = [1.8, 9]; // of the hatching, CSS pixels

  // Per cent of the layer's opacity that the reader chose, for this visit.
  const strength = {
    get: () => {
      const chosen = Number(mmdemo.stored("strength") ?? USUAL);
      return chosen >= 0 && chosen <= 100 ? chosen : USUAL;
    },
    set: (value) => {
      mmdemo.store("strength", String(value));
      document.dispatchEvent(new CustomEvent("mmdemo:strength"));
    },
    steps: strengths,
  };

  // Paint the shares of a grid on `layer`, an empty canvas over all of the figure. `at(x, y)` is where a corner of its
  // cells lies there, `unit` how many of its pixels are one on the screen.
  function paint(layer, grid, at, { shares, signed }, unit) {
    const pen = layer.getContext("2d");
    pen.clearRect(0, 0, layer.width, layer.height);
    const [right, bottom] = at(grid.columns, grid.rows);
    const spread = (canvas, on) => on.drawImage(canvas, 0, 0, right, bottom);
    const { fine, heights } = smooth(grid, shares);
    const sheet = (shades) => shaded(grid, fine, heights, shades);
    spread(sheet(VEILED), pen);
    const against = signed && shares.some((share) => mmdemo.scale.level(share) < 0);
    if (against) pen.drawImage(stripes(layer, (on) => spread(sheet(STRIPED), on), unit), 0, 0);
    for (const [side, line] of signed ? [[1, "towards"], [-1, "against"]] : [[1, "looked"]]) {
      const paths = mmdemo.outlines(grid, (row, column) => side * shares[row * grid.columns + column] >= outlined);
      stroke(pen, rounded(paths, at, unit), lines[line], side < 0, unit);
    }
  }

  // --- veil ------------------------------------------------------------------------------------------------------

  // Levels of the cells as a field without steps, so that no edge shows that the picture doesn't have.
  function smooth({ rows, columns }, shares) {
    const fine = columns > MANY ? FINE.many : FINE.few;
    return { fine, heights: stretched(stretched(Float32Array.from(shares, mmdemo.scale.level), columns, fine), rows, fine) };
  }

  function shaded({ rows, columns }, fine, heights, shades) {
    const canvas = mmdemo.element("canvas", { width: columns * fine, height: rows * fine });
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(image.data.buffer);
    for (let place = 0; place < heights.length; place += 1) {
      pixels[place] = shades[Math.round((Math.max(-1, Math.min(1, heights[place])) + 1) * SHADES)];
    }
    pen.putImageData(image, 0, 0);
    return canvas;
  }

  // Pixels by height, from -1 to 1.
  function shadesOf(opacity) {
    const pixels = new Uint8ClampedArray(4 * (2 * SHADES + 1));
    for (let shade = 0; shade <= 2 * SHADES; shade += 1) {
      pixels.set([...VEIL, 255 * opacity(shade / SHADES - 1)], 4 * shade);
    }
    return new Uint32Array(pixels.buffer);
  }

  const VEILED = shadesOf((height) => OPACITY * (1 - Math.abs(height)) ** 1.5);
  const STRIPED = shadesOf((height) => Math.min(1, Math.max(0, -height) / hatched));

  // Values in rows of `width` → `fine` times as many columns, turned on its side; twice, and both ways are finer.
  function stretched(values, width, fine) {
    const rows = values.length / width;
    const out = new Float32Array(values.length * fine);
    const inside = (place) => Math.max(0, Math.min(width - 1, place));
    for (let x = 0; x < width * fine; x += 1) {
      const first = Math.floor((x + 0.5) / fine - 0.5) - 1;
      const [a, b, c, d] = spline(((x + 0.5) / fine + 0.5) % 1);
      const [p, q, r, s] = [inside(first), inside(first + 1), inside(first + 2), inside(first + 3)];
      for (let row = 0; row < rows; row += 1) {
        const at = row * width;
        out[x * rows + row] = a * values[at + p] + b * values[at + q] + c * values[at + r] + d * values[at + s];
      }
    }
    return out;
  }

  // Catmull and Rom's spline: what each of four neighbours weighs at a part of the way between the middle two.
  const spline = (t) => [
    0.5 * (-t + 2 * t ** 2 - t ** 3), 1 + 0.5 * (-5 * t ** 2 + 3 * t ** 3),
    0.5 * (t + 4 * t ** 2 - 3 * t ** 3), 0.5 * (-(t ** 2) + t ** 3),
  ];

  // --- hatching and lines ----------------------------------------------------------------------------------------

  // Stripes over all of it, of which `mask(pen)` leaves what it covers.
  function stripes({ width, height }, mask, unit) {
    const canvas = mmdemo.element("canvas", { width, height });
    const pen = canvas.getContext("2d");
    const all = new Path2D();
    for (let x = -height; x < width; x += APART * unit) {
      all.moveTo(x, height);
      all.lineTo(x + height, 0);
    }
    for (const [colour, thick] of [[casing, STRIPE + 1.6], [lines.against, STRIPE]]) {
      Object.assign(pen, { strokeStyle: colour, lineWidth: thick * unit });
      pen.stroke(all);
    }
    pen.globalCompositeOperation = "destination-in";
    mask(pen);
    return canvas;
  }

  function rounded(paths, at, unit) {
    const path = new Path2D();
    for (const corners of paths) {
      const points = corners.map(([x, y]) => at(x, y));
      const middle = ([x, y], [u, v]) => [(x + u) / 2, (y + v) / 2];
      path.moveTo(...middle(points.at(-1), points[0]));
      points.forEach((point, number) => {
        const next = points[(number + 1) % points.length];
        const short = Math.min(length(point, points.at(number - 1)), length(point, next));
        path.arcTo(...point, ...next, Math.min(8 * unit, short / 2));
      });
      path.closePath();
    }
    return path;
  }

  const length = ([x, y], [u, v]) => Math.hypot(x - u, y - v);

  // All of a line lies inside its region, so that neighbours and the picture's edge leave it whole.
  function stroke(pen, path, colour, dashed, unit) {
    pen.save();
    pen.clip(path);
    for (const [ink, thick] of [[casing, LINE + CASE], [colour, LINE]]) {
      Object.assign(pen, { strokeStyle: ink, lineWidth: 2 * thick * unit });
      if (ink === colour && dashed) pen.setLineDash(DASH.map((size) => size * unit));
      pen.stroke(path);
    }
    pen.restore();
  }

  return { paint, strength };
})();
