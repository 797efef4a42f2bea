// How shares look: multiples of an even share as colours of words and as a veil over pictures. The scale is that of
// mmdemo/ui/scale.py, the same for every sample.
mmdemo.scale = (() => {
  "use strict";
  const { little, much, steps, looked, towards, against } = window.mmdemoScale;
  const VEIL = [10, 18, 40]; // what was not looked at lies under it
  const DARKEST = 0.8; // its opacity at the low end of the scale; it thins out fast, so that pictures stay readable
  const AGAINST = [176, 96, 12]; // what speaks against the answer lies under this, and is hatched
  const HATCH = [255, 186, 94];
  const FINE = { few: 16, many: 8 }; // veil pixels along a cell
  const MANY = 10; // columns
  const PERIOD = 8; // veil pixels from stripe to stripe
  const SHADES = 127; // of the veil on each side

  // Where a share stands on the scale, 0 … 1, below 0 where it speaks against the answer.
  function level(share) {
    const size = Math.abs(share);
    if (size <= little) return 0;
    return Math.sign(share) * Math.min(1, Math.log2(size / little) / Math.log2(much / little));
  }

  // Weights in multiples of what each would have if all `among` them had the same; null where they have nothing.
  function even(weights, among = () => true) {
    const counted = weights.filter((_, number) => among(number));
    const total = counted.reduce((sum, weight) => sum + weight, 0);
    return total > 0 ? weights.map((weight) => (weight / total) * counted.length) : null;
  }

  // Ground and ink of a word with that share, null where it has next to nothing.
  function paint(share, signed) {
    const height = level(share);
    if (height === 0) return null;
    const colours = signed ? (height > 0 ? towards : against) : looked;
    return colours[Math.round(Math.abs(height) * steps)];
  }

  // Paint shares of a grid as a veil, which is smooth, so that no edge shows that the picture doesn't have.
  function veil(canvas, { rows, columns }, shares, signed) {
    const fine = columns > MANY ? FINE.many : FINE.few;
    if (canvas.width !== columns * fine || canvas.height !== rows * fine) {
      Object.assign(canvas, { width: columns * fine, height: rows * fine });
    }
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(canvas.width, canvas.height);
    const heights = stretched(stretched(Float32Array.from(shares, level), columns, fine), rows, fine);
    const pixels = new Uint32Array(image.data.buffer);
    for (let place = 0; place < heights.length; place += 1) {
      const height = Math.max(signed ? -1 : 0, Math.min(1, heights[place]));
      const hatched = (place + Math.floor(place / canvas.width)) % PERIOD < PERIOD / 4;
      pixels[place] = (hatched ? HATCHED : PLAIN)[Math.round((height + 1) * SHADES)];
    }
    pen.putImageData(image, 0, 0);
  }

  // The veil's pixels by height, from -1 to 1.
  function shades(against) {
    const pixels = new Uint8ClampedArray(4 * (2 * SHADES + 1));
    for (let shade = 0; shade <= 2 * SHADES; shade += 1) {
      const height = shade / SHADES - 1;
      const [size, dark] = [Math.abs(height), DARKEST * (1 - Math.abs(height)) ** 2];
      const mixed = height < 0 ? Math.min(1, 2 * size) : 0;
      const colour = VEIL.map((channel, number) => channel + mixed * (against[number] - channel));
      pixels.set([...colour, 255 * (height < 0 ? Math.max(dark, 0.3 + 0.4 * size) : dark)], 4 * shade);
    }
    return new Uint32Array(pixels.buffer);
  }

  const [PLAIN, HATCHED] = [shades(AGAINST), shades(HATCH)];

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

  return { level, even, paint, veil };
})();
