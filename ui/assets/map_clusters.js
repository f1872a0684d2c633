// Vehicles whose markers would cover each other, as one cluster. More than what is visible is grouped, in
// whole blocks of the world: clusters do not change while the map is pushed.

import { bounds, worldSize } from "./map_projection.js";

const CELL = 18; // pixels: what is in one is one cluster
const LARGEST = 22; // pixels, radius
const REACH = 2 * LARGEST; // pixels within which another cluster can touch one
const MOST_PASSES = 6; // a merged cluster is larger, and may touch another
const BLOCK = 512; // pixels
const AROUND = 300; // pixels around what is visible: further away nothing can have an effect on it
const ROWS = 2 ** 25; // more than there are cells in a column

export const SINGLE_RADIUS = 9; // pixels

/** Pixels: larger for more vehicles, by the logarithm. */
export const radiusOf = (count) =>
  count === 1 ? SINGLE_RADIUS : Math.min(10 + 1.4 * Math.log2(count), LARGEST);

/** Clusters are computed for zooms that are half a step apart: they do not flicker while somebody zooms. */
export const levelOf = (zoom) => Math.round(zoom * 2) / 2;

/** The blocks of a level around what is visible, in numbers of blocks: it changes only now and then. */
export function blocksOf(view) {
  const level = levelOf(view.zoom);
  const blocks = worldSize(level) / BLOCK;
  const { west, east, north, south } = bounds(view, AROUND);
  return {
    level,
    west: Math.floor(west * blocks),
    east: Math.ceil(east * blocks),
    north: Math.floor(north * blocks),
    south: Math.ceil(south * blocks),
  };
}

function cellsIn({ level, west, east, north, south }, { xs, ys, count }, isApart) {
  const cellsPerWorld = worldSize(level) / CELL;
  const blocks = worldSize(level) / BLOCK;
  const cells = new Map();
  for (let index = 0; index < count; index++) {
    const [x, y] = [xs[index], ys[index]];
    if (x * blocks < west || x * blocks > east || y * blocks < north || y * blocks > south || isApart(index))
      continue;
    const key = Math.floor(x * cellsPerWorld) * ROWS + Math.floor(y * cellsPerWorld);
    const cell = cells.get(key);
    if (cell === undefined)
      cells.set(key, { key, members: [index], sumX: x, sumY: y, radius: SINGLE_RADIUS, isGone: false });
    else {
      cell.members.push(index);
      cell.sumX += x;
      cell.sumY += y;
    }
  }
  for (const cell of cells.values()) cell.radius = radiusOf(cell.members.length);
  return [...cells.values()];
}

const bySize = (one, other) => other.members.length - one.members.length || one.key - other.key;

/** In squares of `REACH` pixels: what can touch a cluster is in its square or in one of those around it. */
function squaresOf(clusters, pixelsPerWorld) {
  const squares = new Map();
  for (const cluster of clusters) {
    cluster.left = (cluster.sumX / cluster.members.length) * pixelsPerWorld;
    cluster.top = (cluster.sumY / cluster.members.length) * pixelsPerWorld;
    const key = Math.floor(cluster.left / REACH) * ROWS + Math.floor(cluster.top / REACH);
    const square = squares.get(key);
    if (square === undefined) squares.set(key, [cluster]);
    else square.push(cluster);
  }
  return squares;
}

function touches(one, other) {
  const [right, down, distance] = [one.left - other.left, one.top - other.top, one.radius + other.radius];
  return right * right + down * down < distance * distance;
}

function absorb(cluster, other, pixelsPerWorld) {
  for (const member of other.members) cluster.members.push(member);
  cluster.sumX += other.sumX;
  cluster.sumY += other.sumY;
  cluster.left = (cluster.sumX / cluster.members.length) * pixelsPerWorld;
  cluster.top = (cluster.sumY / cluster.members.length) * pixelsPerWorld;
  cluster.radius = radiusOf(cluster.members.length);
  other.isGone = true;
}

function absorbNeighbours(cluster, squares, pixelsPerWorld) {
  const key = Math.floor(cluster.left / REACH) * ROWS + Math.floor(cluster.top / REACH);
  let isLarger = false;
  for (let column = -ROWS; column <= ROWS; column += ROWS) {
    for (let row = -1; row <= 1; row++) {
      for (const other of squares.get(key + column + row) ?? []) {
        if (other === cluster || other.isGone || !touches(cluster, other)) continue;
        absorb(cluster, other, pixelsPerWorld);
        isLarger = true;
      }
    }
  }
  return isLarger;
}

/** Merges what touches, the largest first; says whether anything did. */
function mergeOnce(clusters, pixelsPerWorld) {
  const squares = squaresOf(clusters, pixelsPerWorld);
  let isMerged = false;
  for (const cluster of clusters) {
    if (!cluster.isGone && absorbNeighbours(cluster, squares, pixelsPerWorld)) isMerged = true;
  }
  return isMerged;
}

/**
 * The clusters of vehicles {xs, ys, count} in some blocks, the largest first: {x, y, members}. A single
 * vehicle is a cluster of one, where it is. What `isApart` is in none.
 */
export function clustered(vehicles, blocks, isApart = () => false) {
  const pixelsPerWorld = worldSize(blocks.level);
  let clusters = cellsIn(blocks, vehicles, isApart).sort(bySize);
  for (let pass = 0; pass < MOST_PASSES && mergeOnce(clusters, pixelsPerWorld); pass++) {
    clusters = clusters.filter(({ isGone }) => !isGone).sort(bySize);
  }
  return clusters.map(({ members, sumX, sumY }) => ({
    x: sumX / members.length,
    y: sumY / members.length,
    members,
  }));
}

/** How many members there are of each tone, which are numbers, the worst 0; and the worst. */
export function tonesOf({ members }, tones, toneCount) {
  const counts = new Array(toneCount).fill(0);
  for (const member of members) counts[tones[member]] += 1;
  return { counts, worst: counts.findIndex((count) => count > 0) };
}
