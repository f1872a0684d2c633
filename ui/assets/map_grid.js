// What is drawn of the earth itself: lines of latitude and longitude, and a scale bar.

import {
  bounds,
  latitudeAt,
  longitudeAt,
  metresPerPixel,
  screenX,
  screenY,
  worldX,
  worldY,
} from "./map_projection.js";

const LEAST_SPACING = 90; // pixels between lines
const DEGREES = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005];
const LONGEST_BAR = 110; // pixels
const EDGE = 12; // pixels from the edge of the map

/** Degrees between lines that are `pixelsPerDegree` apart for each degree. */
export function stepFor(pixelsPerDegree) {
  return DEGREES.findLast((step) => step * pixelsPerDegree >= LEAST_SPACING) ?? DEGREES[0];
}

/** The multiples of a step from `least` to `most`, without the noise of sums. */
export function multiples(least, most, step) {
  const first = Math.ceil(least / step);
  return Array.from(
    { length: Math.max(0, Math.floor(most / step) - first + 1) },
    (_, number) => (first + number) * step,
  );
}

/** ``48.14° N``, with as many decimals as the step between two lines needs. */
export function degrees(angle, step, positive, negative) {
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const side = Math.abs(angle) < step / 2 ? "" : ` ${angle > 0 ? positive : negative}`;
  return `${Math.abs(angle).toFixed(decimals)}°${side}`;
}

/** The longest round length that fits into the bar: {metres, pixels, words}. */
export function scaleBar(view) {
  const most = metresPerPixel(view) * LONGEST_BAR;
  const magnitude = 10 ** Math.floor(Math.log10(most));
  const metres = [5, 2, 1].map((factor) => factor * magnitude).find((length) => length <= most);
  const words = metres >= 1000 ? `${(metres / 1000).toLocaleString("en")} km` : `${metres} m`;
  return { metres, pixels: metres / metresPerPixel(view), words };
}

export function drawGrid(context, view, theme) {
  const { west, east, north, south } = bounds(view);
  const pixelsPerDegree = view.width / ((east - west) * 360);
  const step = stepFor(pixelsPerDegree);
  const latitudeStep = stepFor(pixelsPerDegree / Math.cos((latitudeAt(view.y) * Math.PI) / 180));
  const longitudes = multiples(Math.max(-180, longitudeAt(west)), Math.min(180, longitudeAt(east)), step);
  const latitudes = multiples(latitudeAt(south), latitudeAt(north), latitudeStep);
  const columns = longitudes.map((longitude) => Math.round(screenX(view, worldX(longitude))) + 0.5);
  const rows = latitudes.map((latitude) => Math.round(screenY(view, worldY(latitude))) + 0.5);

  context.beginPath();
  for (const x of columns) (context.moveTo(x, 0), context.lineTo(x, view.height));
  for (const y of rows) (context.moveTo(0, y), context.lineTo(view.width, y));
  context.strokeStyle = theme.grid;
  context.lineWidth = 1;
  context.stroke();

  context.font = `11px ${theme.font}`;
  context.fillStyle = theme.faint;
  context.textAlign = "left";
  // The corners belong to the buttons, the scale bar and the attribution.
  rows.forEach((y, row) => {
    if (y > 60 && y < view.height - 50)
      context.fillText(degrees(latitudes[row], latitudeStep, "N", "S"), 8, y - 5);
  });
  columns.forEach((x, column) => {
    if (x > 60 && x < view.width - 110)
      context.fillText(degrees(longitudes[column], step, "E", "W"), x + 5, 16);
  });
}

export function drawScaleBar(context, view, theme) {
  const { pixels, words } = scaleBar(view);
  const [left, bottom] = [EDGE, view.height - EDGE];
  context.font = `11px ${theme.font}`;
  context.textAlign = "left";
  context.lineJoin = "round";
  context.beginPath();
  context.moveTo(left, bottom - 6);
  context.lineTo(left, bottom);
  context.lineTo(left + pixels, bottom);
  context.lineTo(left + pixels, bottom - 6);
  for (const [style, width] of [
    [theme.halo, 4.5],
    [theme.text, 1.5],
  ]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.stroke();
  }
  context.lineWidth = 3;
  context.strokeStyle = theme.halo;
  context.strokeText(words, left + 6, bottom - 6);
  context.fillStyle = theme.text;
  context.fillText(words, left + 6, bottom - 6);
}
