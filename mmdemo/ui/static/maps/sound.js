// A sound's map: a curve over its spectrogram, its waveform above on the same time axis, in step with playback, of all
// of it or of what mattered alone.
mmdemo.sound = (() => {
  "use strict";
  const MATTERED = 1; // multiples of an even share
  const { casing, bright } = window.mmdemoScale;
  const ABOVE = 0.25; // of the height is the waveform's
  const [GROUND, WAVE, MIDDLE, CURSOR] = mmdemo.colours("night", "day", "middle", "cursor"); // sound is dark in both themes

  // `bytes`: the lowest of each column, then the highest; 128 is silence (mmdemo/ui/samples/preview.py).
  function wave(canvas, pen, bytes) {
    const [columns, high] = [bytes.length / 2, canvas.height * ABOVE];
    const width = canvas.width / columns;
    pen.fillStyle = WAVE;
    for (let column = 0; column < columns; column += 1) {
      const [top, bottom] = [bytes[columns + column], bytes[column]].map((value) => high * (0.5 - (0.47 * (value - 128)) / 127));
      pen.fillRect(column * width, top - 1, width, bottom - top + 2);
    }
  }

  const bytesOf = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));

  // The ground on which waveform and spectrogram are drawn.
  function ground(canvas, pen, picture) {
    const top = canvas.height * ABOVE;
    pen.fillStyle = GROUND;
    pen.fillRect(0, 0, canvas.width, top);
    pen.drawImage(picture, 0, top, canvas.width, canvas.height - top);
  }

  // One-sided from the bottom; signed from the middle, up for and down against the answer.
  function curve(canvas, pen, grid, { shares, signed }) {
    const seconds = end(grid);
    const [floor, reach] = signed ? [0.5, 0.42] : [0.95, 0.85];
    const at = (part) => canvas.height * (ABOVE + (1 - ABOVE) * part); // from the top of the spectrogram
    const points = Array.from(shares, (share, number) => {
      const middle = (grid.edges_s[number] + grid.edges_s[number + 1]) / 2;
      return [(middle / seconds) * canvas.width, at(floor - reach * mmdemo.scale.level(share))];
    });
    if (signed) line(pen, [[0, at(floor)], [canvas.width, at(floor)]], MIDDLE, 2);
    line(pen, points, casing, 9);
    line(pen, points, bright, 4);
  }

  function line(pen, points, colour, thick) {
    pen.strokeStyle = colour;
    pen.lineWidth = thick;
    pen.lineJoin = "round";
    pen.beginPath();
    for (const [x, y] of points) pen.lineTo(x, y); // of an empty path the first is where it begins
    pen.stroke();
  }

  const end = (grid) => grid.edges_s[grid.edges_s.length - 1]; // seconds

  function cursor(canvas, pen, grid, sound) {
    if (!(sound.currentTime > 0)) return;
    pen.fillStyle = CURSOR;
    pen.fillRect((sound.currentTime / end(grid)) * canvas.width - 2, 0, 4, canvas.height);
  }

  // Numbers of the moments that mattered.
  const mattered = (shares) => [...shares.keys()].filter((number) => shares[number] >= MATTERED);

  // Moments as stretches in seconds; those that follow one another are one.
  function stretched(grid, moments) {
    const stretches = [];
    for (const number of moments) {
      const [from, to] = grid.edges_s.slice(number, number + 2);
      const last = stretches[stretches.length - 1];
      if (last && last[1] === from) last[1] = to;
      else stretches.push([from, to]);
    }
    return stretches;
  }

  // `view()` is the one that is shown, which decides what mattered; `paint` draws it again.
  function player(figure, sound, grid, view, paint, signal) {
    const canvas = figure.querySelector("canvas");
    const [whole, part] = [figure.querySelector(".mm-play"), figure.querySelector("[data-do=play-mattered]")];
    const clock = figure.querySelector(".mm-clock");
    let only = null; // stretches that are played, null for all

    const show = () => {
      clock.textContent = `${sound.currentTime.toFixed(1)} s`;
      whole.setAttribute("aria-pressed", !sound.paused && only === null);
      part.setAttribute("aria-pressed", !sound.paused && only !== null);
      paint();
    };
    const step = () => {
      if (only && !sound.paused) skip();
      show();
      if (!sound.paused && !signal.aborted) requestAnimationFrame(step);
    };
    // Go on to the next stretch where this one has ended.
    const skip = () => {
      const now = sound.currentTime;
      const next = only.find(([, to]) => now < to - 0.01);
      if (!next) sound.pause();
      else if (now < next[0] - 0.05) sound.currentTime = next[0];
    };
    const play = (stretches) => {
      if (!sound.paused) return sound.pause();
      only = stretches;
      if (only?.length) sound.currentTime = only[0][0];
      return only?.length === 0 ? null : sound.play();
    };
    whole.addEventListener("click", () => play(null));
    part.addEventListener("click", () => play(stretched(grid, mattered(view().shares))));
    canvas.addEventListener("click", (event) => {
      const edges = canvas.getBoundingClientRect();
      sound.currentTime = ((event.clientX - edges.left) / edges.width) * end(grid);
    });
    sound.addEventListener("play", step);
    for (const event of ["pause", "seeked", "ended"]) sound.addEventListener(event, show);
    signal.addEventListener("abort", () => sound.pause());
  }

  return { ground, wave, bytesOf, curve, cursor, player, mattered };
})();
