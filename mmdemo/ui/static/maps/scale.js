// How shares look: multiples of an even share on the scale of mmdemo/map_scale.py, which is the same for every sample.
mmdemo.scale = (() => {
  "use strict";
  const { little, much, steps, looked, towards, against } = window.mmdemoScale;

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

  return { level, even, paint };
})();
