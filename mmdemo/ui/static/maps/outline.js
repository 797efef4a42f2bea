// The outlines of a set of cells in a grid.
mmdemo.outlines = (() => {
  "use strict";

  // inside(row, column) → closed paths of [x, y] in cells, one corner for each turn. The set lies to the right of every
  // path, so a hole runs the other way round.
  function outlines({ rows, columns }, inside) {
    const within = (row, column) => row >= 0 && row < rows && column >= 0 && column < columns && inside(row, column);
    const edges = new Map(); // from a corner, as text → the edges that leave it, [dx, dy]
    const leave = (x, y, dx, dy) => edges.set(`${x} ${y}`, [...(edges.get(`${x} ${y}`) ?? []), [dx, dy]]);
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        if (!within(row, column)) continue;
        if (!within(row - 1, column)) leave(column, row, 1, 0);
        if (!within(row, column + 1)) leave(column + 1, row, 0, 1);
        if (!within(row + 1, column)) leave(column + 1, row + 1, -1, 0);
        if (!within(row, column - 1)) leave(column, row + 1, 0, -1);
      }
    }
    const paths = [];
    while (edges.size) paths.push(walk(edges));
    return paths;
  }

  // Follow edges from one corner until it is met again, and take them out.
  function walk(edges) {
    const start = edges.keys().next().value;
    const corners = [];
    let [x, y] = start.split(" ").map(Number);
    let [dx, dy] = [0, 0];
    do {
      const leaving = edges.get(`${x} ${y}`);
      // Where two cells touch at a corner alone, turn right: they are outlined each by itself.
      const chosen = Math.max(0, leaving.findIndex(([right, down]) => right === -dy && down === dx));
      const [[nx, ny]] = leaving.splice(chosen, 1);
      if (!leaving.length) edges.delete(`${x} ${y}`);
      if (nx !== dx || ny !== dy) corners.push([x, y]);
      [x, y, dx, dy] = [x + nx, y + ny, nx, ny];
    } while (`${x} ${y}` !== start);
    return corners;
  }

  return outlines;
})();
