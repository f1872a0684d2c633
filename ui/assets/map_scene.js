// What lies on top of the earth: a route, tails, clusters, vehicles and their names.

import { radiusOf, tonesOf } from "./map_clusters.js";
import { Labels, plain } from "./map_labels.js";
import { drawCluster, drawRing, drawSign, extentOfSign } from "./map_markers.js";
import { bounds, screenX, screenY } from "./map_projection.js";

const MARGIN = 40; // pixels around the map in which markers are still drawn
const MOST_NAMES = 60;
const FEW_SINGLES = 40; // in view: then vehicles without an alert are named too
const RING_RADIUS = 15;

function itemOf({ view, vehicles, theme }, cluster) {
  const count = cluster.members.length;
  const { counts, worst } = tonesOf(cluster, vehicles.tones, theme.tones.length);
  const [x, y] = [screenX(view, cluster.x), screenY(view, cluster.y)];
  return { x, y, radius: radiusOf(count), members: cluster.members, count, counts, worst };
}

function visibleItems(scene) {
  const { west, east, north, south } = bounds(scene.view, MARGIN);
  return scene.clusters
    .filter(({ x, y }) => x > west && x < east && y > north && y < south)
    .map((cluster) => itemOf(scene, cluster));
}

/** What is worse is drawn later, on top; of what is equally bad, the smaller. */
const byImportance = (one, other) => other.worst - one.worst || other.count - one.count;

function line(context, view, xs, ys, start, end) {
  context.moveTo(screenX(view, xs[start]), screenY(view, ys[start]));
  for (let point = start + 1; point < end; point++)
    context.lineTo(screenX(view, xs[point]), screenY(view, ys[point]));
}

function drawTail(context, { view, vehicles, chosenTail, theme }, index, isChosen) {
  const points = isChosen ? chosenTail : vehicles.tail(index);
  if (points.length === 0) return;
  const tone = theme.tones[vehicles.tones[index]];
  context.beginPath();
  for (let at = 0; at < points.length; at += 2)
    context.lineTo(screenX(view, points[at]), screenY(view, points[at + 1]));
  context.lineTo(screenX(view, vehicles.xs[index]), screenY(view, vehicles.ys[index]));
  context.globalAlpha = isChosen ? 0.9 : tone.isAlert ? 0.7 : 0.4;
  context.strokeStyle = tone.trail;
  context.lineWidth = isChosen ? 3 : 2;
  context.stroke();
  context.globalAlpha = 1;
}

function drawRoute(context, { view, route, theme }) {
  const { xs, ys, flagged, at } = route;
  const end = at === null ? xs.length : at + 1;
  context.lineJoin = context.lineCap = "round";
  const stroke = (style, width, from, to, alpha = 1) => {
    context.beginPath();
    if (to > from) line(context, view, xs, ys, from, to);
    context.globalAlpha = alpha;
    context.strokeStyle = style;
    context.lineWidth = width;
    context.stroke();
    context.globalAlpha = 1;
  };
  stroke(theme.halo, 6, 0, xs.length);
  stroke(theme.accent, 3, 0, xs.length, 0.35);
  stroke(theme.accent, 3, 0, end);
  for (const index of flagged) {
    context.beginPath();
    context.arc(screenX(view, xs[index]), screenY(view, ys[index]), 4, 0, 2 * Math.PI);
    context.fillStyle = theme.flag;
    context.fill();
    context.lineWidth = 1.2;
    context.strokeStyle = theme.surface;
    context.stroke();
  }
  if (xs.length > 0) drawEnds(context, view, route, theme);
}

function drawEnds(context, view, { xs, ys, at }, theme) {
  const spot = (index, radius, fill) => {
    context.beginPath();
    context.arc(screenX(view, xs[index]), screenY(view, ys[index]), radius, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.strokeStyle = theme.accent;
    context.lineWidth = 2.5;
    context.fill();
    context.stroke();
  };
  spot(0, 4.5, theme.surface);
  if (at !== null) (spot(at, 7, theme.surface), spot(at, 2, theme.accent));
}

function drawSingle(context, scene, item) {
  const { vehicles, theme } = scene;
  const index = item.members[0];
  const tone = theme.tones[vehicles.tones[index]];
  const heading = vehicles.heading(index);
  drawSign(context, tone, theme, item.x, item.y, heading);
  return extentOfSign(tone, heading !== null);
}

function nameSingles(labels, scene, singles) {
  const { vehicles, theme } = scene;
  const isFew = singles.length <= FEW_SINGLES;
  let left = MOST_NAMES;
  // The worst were drawn last, and are named first.
  for (const item of singles.toReversed()) {
    const index = item.members[0];
    const tone = theme.tones[vehicles.tones[index]];
    if (left === 0 || (!isFew && !tone.isAlert)) break;
    const id = vehicles.id(index);
    const style = tone.isAlert ? { id, weight: 600 } : { id, colour: theme.faint };
    if (labels.place(plain(id), item.x, item.y, item.extent, style)) left -= 1;
  }
}

function chosenItem(scene) {
  const { vehicles, chosen } = scene;
  if (chosen < 0) return null;
  return itemOf(scene, { x: vehicles.xs[chosen], y: vehicles.ys[chosen], members: [chosen] });
}

/**
 * Draws a scene {view, vehicles, clusters, route, chosen, chosenTail, theme, slots}: `chosen` is an index or
 * -1, and not in the clusters. Returns what can be pointed at, the topmost last: {x, y, radius, members,
 * count, counts, worst}; `counts` are by tone.
 */
export function drawScene(context, scene) {
  const { view, vehicles, theme, slots } = scene;
  const items = visibleItems(scene).sort(byImportance);
  const singles = items.filter(({ count }) => count === 1);
  const chosen = chosenItem(scene);
  const labels = new Labels(context, theme, view.width, view.height, slots);
  context.lineJoin = context.lineCap = "round";
  if (scene.route) drawRoute(context, scene);
  for (const { members } of singles) drawTail(context, scene, members[0], false);
  if (chosen) drawTail(context, scene, scene.chosen, true);
  context.lineCap = "butt";
  for (const item of items) {
    if (item.count > 1) drawCluster(context, item, theme);
    else item.extent = drawSingle(context, scene, item);
    labels.block(item.x, item.y, item.extent ?? item.radius);
  }
  if (chosen) {
    drawRing(context, chosen.x, chosen.y, RING_RADIUS, theme);
    drawSingle(context, scene, chosen);
    const id = vehicles.id(scene.chosen);
    labels.block(chosen.x, chosen.y, RING_RADIUS);
    labels.place(plain(id), chosen.x, chosen.y, RING_RADIUS, { id, weight: 700, size: 13, isNeeded: true });
    items.push(chosen);
  }
  nameSingles(labels, scene, singles);
  return items;
}

/** The topmost item at a pixel, or null; `slack` pixels around it count too. */
export function itemAt(items, x, y, slack = 4) {
  return items.findLast((item) => Math.hypot(item.x - x, item.y - y) <= item.radius + slack) ?? null;
}
