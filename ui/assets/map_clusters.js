// Vehicles whose markers would cover each other, as one cluster. The whole world is grouped, not what is visible:
// clusters do not change while the map is pushed.

import { worldSize } from "./map_projection.js";

const CELL = 20; // pixels
const REACH = 2; // cells around a cluster in which others can touch it
const ROWS = 2 ** 25; // more than there are cells in a column at any zoom

export const SINGLE_RADIUS = 9; // pixels

/** Pixels: larger for more vehicles, by the logarithm. */
export const radiusOf = (count) => (count === 1 ? SINGLE_RADIUS : Math.min(12 + 3.2 * Math.log2(count), 36));

/** Clusters are computed for zooms that are half a step apart: they do not flicker while somebody zooms. */
export const levelOf = (zoom) => Math.round(zoom * 2) / 2;

function cellsOf({ xs, ys, tones, count }, toneCount, cellsPerWorld, isApart) {
  const cells = new Map();
  for (let index = 0; index < count; index++) {
    if (isApart(index)) continue;
    const column = Math.floor(xs[index] * cellsPerWorld);
    const row = Math.floor(ys[index] * cellsPerWorld);
    const key = column * ROWS + row;
    let cell = cells.get(key);
    if (cell === undefined) {
      cell = { key, column, row, count: 0, sumX: 0, sumY: 0, toneCounts: new Uint32Array(toneCount), members: [], isGone: false };
      cells.set(key, cell);
    }
    cell.count += 1;
    cell.sumX += xs[index];
    cell.sumY += ys[index];
    cell.toneCounts[tones[index]] += 1;
    cell.members.push(index);
  }
  return cells;
}

function absorb(cell, other) {
  cell.count += other.count;
  cell.sumX += other.sumX;
  cell.sumY += other.sumY;
  other.toneCounts.forEach((count, tone) => (cell.toneCounts[tone] += count));
  for (const member of other.members) cell.members.push(member);
  other.isGone = true;
}

function touches(cell, other, pixelsPerWorld) {
  const right = (cell.sumX / cell.count - other.sumX / other.count) * pixelsPerWorld;
  const down = (cell.sumY / cell.count - other.sumY / other.count) * pixelsPerWorld;
  const distance = radiusOf(cell.count) + radiusOf(other.count);
  return right * right + down * down < distance * distance;
}

function absorbNeighbours(cell, cells, pixelsPerWorld) {
  for (let column = cell.column - REACH; column <= cell.column + REACH; column++) {
    for (let row = cell.row - REACH; row <= cell.row + REACH; row++) {
      const other = cells.get(column * ROWS + row);
      if (other !== undefined && other !== cell && !other.isGone && touches(cell, other, pixelsPerWorld)) absorb(cell, other);
    }
  }
}

/**
 * Clusters at a level, the largest first: {x, y, count, members, toneCounts, worst}. A single vehicle is a cluster
 * of one, where it is. Tones are numbers, the worst is 0.
 */
export function clustered(vehicles, toneCount, level, isApart = () => false) {
  const pixelsPerWorld = worldSize(level);
  const cells = cellsOf(vehicles, toneCount, pixelsPerWorld / CELL, isApart);
  const order = [...cells.values()].sort((one, other) => other.count - one.count || one.key - other.key);
  for (const cell of order) if (!cell.isGone) absorbNeighbours(cell, cells, pixelsPerWorld);
  return order
    .filter((cell) => !cell.isGone)
    .map(({ count, sumX, sumY, members, toneCounts }) => ({
      x: sumX / count,
      y: sumY / count,
      count,
      members,
      toneCounts,
      worst: toneCounts.findIndex((number) => number > 0),
    }));
}
