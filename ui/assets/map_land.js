// How the earth is drawn: which feature is what, its colours, and how wide roads are.

import { Labels, plain } from "./map_labels.js";
import { bounds, screenX, screenY, worldSize } from "./map_projection.js";

const MOTORWAY = ["motorway", "motorway_link", "trunk", "trunk_link", "highway"];
const MAJOR = ["primary", "primary_link", "secondary", "secondary_link", "major_road", "country"];
const MEDIUM = ["tertiary", "tertiary_link", "medium_road", "unclassified"];
const RAIL = ["rail", "light_rail", "subway", "tram", "narrow_gauge", "transit"];
const NO_ROAD = [
  "path",
  "footway",
  "cycleway",
  "bridleway",
  "steps",
  "pedestrian",
  "corridor",
  "ferry",
  "aerialway",
  "other",
];
const GREEN = new Set([
  ...["forest", "wood", "scrub", "grass", "grassland", "meadow", "garden", "cemetery", "golf_course"],
  ...["park", "nature_reserve", "national_park"],
]);

/** Names of the layers in tiles of Protomaps, OpenMapTiles and Shortbread → what they hold. */
const LAYERS = {
  water: "water",
  ocean: "water",
  water_polygons: "water",
  waterway: "water",
  water_lines: "water",
  landcover: "green",
  landuse: "green",
  park: "green",
  land: "green",
  roads: "road",
  transportation: "road",
  streets: "road",
  building: "building",
  buildings: "building",
  boundary: "boundary",
  boundaries: "boundary",
  place: "place",
  places: "place",
  place_labels: "place",
};

/** In the order in which they are drawn. `width` in pixels at zoom 12; each step of zoom adds 45 %. */
const ROLES = [
  { role: "green" },
  { role: "water" },
  { role: "building", from: 14 },
  { role: "waterway", width: 1.2 },
  { role: "boundary", width: 0.9, dash: [4, 3] },
  { role: "rail", width: 0.7, from: 11 },
  { role: "minor", width: 1.0, isRoad: true },
  { role: "medium", width: 1.5, isRoad: true },
  { role: "major", width: 2.3, isRoad: true },
  { role: "motorway", width: 3.4, isRoad: true },
];

const LIGHT = {
  land: "#edf0f2",
  green: "#e2ecdf",
  water: "#cadeeb",
  waterway: "#bcd5e6",
  building: "#e4e6e8",
  boundary: "#b9b3c4",
  rail: "#c6cad0",
  casing: "#c2cad3",
  minor: "#ffffff",
  medium: "#ffffff",
  major: "#fffdf5",
  motorway: "#f9e3b4",
  place: "#52606d",
};
const DARK = {
  land: "#161d25",
  green: "#18251f",
  water: "#0d2233",
  waterway: "#12304a",
  building: "#1e2731",
  boundary: "#4a4a5c",
  rail: "#303a45",
  casing: "#0c1117",
  minor: "#344150",
  medium: "#3d4b5b",
  major: "#495969",
  motorway: "#6b6448",
  place: "#9aa8b5",
};

const EDGES = 1.8; // pixels, of both edges of a road together

/** Place → [rank, zoom from which on it is named]; what is not listed is named last. */
const PLACES = {
  country: [0, 2],
  state: [1, 5],
  city: [2, 5],
  town: [3, 8],
  village: [4, 11],
  suburb: [5, 12],
};
const OTHER_PLACE = [6, 13];

const kindOf = (properties) => properties.kind ?? properties.class ?? properties.highway ?? "";

function roadRole(properties) {
  const kind = kindOf(properties);
  if (properties.rail === true || RAIL.includes(kind) || properties.railway) return "rail";
  if (NO_ROAD.includes(kind)) return null;
  if (MOTORWAY.includes(kind)) return "motorway";
  if (MAJOR.includes(kind)) return "major";
  return MEDIUM.includes(kind) ? "medium" : "minor";
}

/** What a feature of a vector tile is drawn as, or null. `geometry`: "point", "line" or "polygon". */
export function roleInTile(layer, geometry, properties) {
  const content = LAYERS[layer];
  if (content === "place") return geometry === "point" ? "place" : null;
  if (geometry === "point" || content === undefined) return null;
  if (content === "water") return geometry === "polygon" ? "water" : "waterway";
  if (content === "road") return geometry === "line" ? roadRole(properties) : null;
  if (content === "boundary") return geometry === "line" ? "boundary" : null;
  if (geometry !== "polygon") return null;
  return content === "building" || layer === "park" || GREEN.has(kindOf(properties)) ? content : null;
}

/** What a feature of a GeoJSON file is drawn as; null if it is not. */
export function roleInFile(geometry, properties) {
  const kinds = [
    properties.kind,
    properties.class,
    properties.natural,
    properties.landuse,
    properties.leisure,
  ];
  const isWater = kinds.includes("water") || properties.waterway !== undefined;
  if (geometry === "point") return properties.name && (properties.place ?? properties.kind) ? "place" : null;
  if (geometry === "line") return isWater ? "waterway" : roadRole(properties);
  if (isWater) return "water";
  return properties.building ? "building" : kinds.some((kind) => GREEN.has(kind)) ? "green" : null;
}

/** A named place at a world position. */
export function placeOf(properties, x, y) {
  const kind = properties.place ?? properties.kind_detail ?? kindOf(properties);
  const [rank, from] = PLACES[kind] ?? PLACES[kindOf(properties)] ?? OTHER_PLACE;
  return { name: plain(properties.name, 40), x, y, rank, from };
}

const widthAt = (style, zoom) => Math.max(0.5, Math.min(style.width * 1.45 ** (zoom - 12), 14));

/** Calls `paint(path, unit)` for each patch that has something of a role; `unit` in pixels. */
function eachPath(context, view, patches, role, paint) {
  const ratio = context.canvas.width / view.width;
  for (const patch of patches) {
    const path = patch.paths.get(role);
    if (path === undefined) continue;
    const unit = patch.unit * worldSize(view.zoom);
    context.save();
    if (patch.clip) clipTo(context, view, patch.clip);
    context.setTransform(
      ratio * unit,
      0,
      0,
      ratio * unit,
      ratio * screenX(view, patch.x),
      ratio * screenY(view, patch.y),
    );
    paint(path, unit);
    context.restore();
  }
}

function clipTo(context, view, { west, east, north, south }) {
  const [left, top] = [screenX(view, west), screenY(view, north)];
  context.beginPath();
  context.rect(left, top, screenX(view, east) - left, screenY(view, south) - top);
  context.clip();
}

function strokeRole(context, view, patches, style, colour, extra = 0) {
  const width = widthAt(style, view.zoom) + extra;
  eachPath(context, view, patches, style.role, (path, unit) => {
    context.strokeStyle = colour;
    context.lineWidth = width / unit;
    context.setLineDash((style.dash ?? []).map((length) => length / unit));
    context.stroke(path);
  });
}

/** Draws patches {x, y, unit, paths, places, clip}: where their origin is, world per unit, role → Path2D. */
export function drawLand(context, view, theme, patches) {
  const colours = theme.isDark ? DARK : LIGHT;
  const styles = ROLES.filter(({ from = 0 }) => view.zoom >= from);
  context.fillStyle = colours.land;
  context.fillRect(0, 0, view.width, view.height);
  context.lineJoin = context.lineCap = "round";
  for (const style of styles.filter(({ width }) => !width)) {
    eachPath(context, view, patches, style.role, (path) => {
      context.fillStyle = colours[style.role];
      context.fill(path, "evenodd");
    });
  }
  for (const style of styles.filter(({ width, isRoad }) => width && !isRoad))
    strokeRole(context, view, patches, style, colours[style.role]);
  const roads = styles.filter(({ isRoad }) => isRoad);
  for (const style of roads) strokeRole(context, view, patches, style, colours.casing, EDGES);
  for (const style of roads) strokeRole(context, view, patches, style, colours[style.role]);
}

export function drawPlaces(context, view, theme, patches) {
  const colour = (theme.isDark ? DARK : LIGHT).place;
  const labels = new Labels(context, theme, view.width, view.height);
  const { west, east, north, south } = bounds(view);
  const named = new Set();
  const places = patches
    .flatMap((patch) => patch.places)
    .filter(({ x, y, from }) => view.zoom >= from && x > west && x < east && y > north && y < south);
  for (const { name, x, y, rank } of places.sort((one, other) => one.rank - other.rank)) {
    if (named.has(name)) continue;
    named.add(name);
    labels.place(name, screenX(view, x), screenY(view, y), 0, {
      colour,
      size: rank < 3 ? 14 : 12,
      weight: rank < 3 ? 600 : 500,
    });
  }
}
