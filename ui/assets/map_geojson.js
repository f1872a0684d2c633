// A GeoJSON file as patches of paths by role, one for each part of the earth: only what is visible is drawn.

import { placeOf, roleInFile } from "./map_land.js";
import { worldX, worldY } from "./map_projection.js";

const PARTS = 2 ** 11; // of the world's width: some 20 km each
const UNITS = 4096; // of a patch

const GEOMETRIES = {
  Point: "point",
  MultiPoint: "point",
  LineString: "line",
  MultiLineString: "line",
  Polygon: "polygon",
  MultiPolygon: "polygon",
};

/** All lines of positions in coordinates that are nested in any depth. */
function linesIn(coordinates) {
  if (typeof coordinates[0] === "number") return [[coordinates]];
  if (typeof coordinates[0]?.[0] === "number") return [coordinates];
  return coordinates.flatMap(linesIn);
}

function newPatch(column, row) {
  const [x, y] = [column / PARTS, row / PARTS];
  return {
    x,
    y,
    unit: 1 / PARTS / UNITS,
    paths: new Map(),
    places: [],
    west: Infinity,
    east: -Infinity,
    north: Infinity,
    south: -Infinity,
  };
}

function patchFor(patches, [x, y]) {
  const [column, row] = [Math.floor(x * PARTS), Math.floor(y * PARTS)];
  const key = `${column}/${row}`;
  if (!patches.has(key)) patches.set(key, newPatch(column, row));
  return patches.get(key);
}

function include(patch, [x, y]) {
  patch.west = Math.min(patch.west, x);
  patch.east = Math.max(patch.east, x);
  patch.north = Math.min(patch.north, y);
  patch.south = Math.max(patch.south, y);
}

function addLine(patch, role, points, isClosed) {
  if (!patch.paths.has(role)) patch.paths.set(role, new Path2D());
  const path = patch.paths.get(role);
  points.forEach((point, number) => {
    include(patch, point);
    const [x, y] = [(point[0] - patch.x) / patch.unit, (point[1] - patch.y) / patch.unit];
    if (number === 0) path.moveTo(x, y);
    else path.lineTo(x, y);
  });
  if (isClosed) path.closePath();
}

function addFeature(patches, { geometry, properties }) {
  const shape = GEOMETRIES[geometry?.type];
  const role = shape && roleInFile(shape, properties ?? {});
  if (!role) return;
  const lines = linesIn(geometry.coordinates).map((line) =>
    line.map(([longitude, latitude]) => [worldX(longitude), worldY(latitude)]),
  );
  // All rings of a polygon into one patch: what is inside is decided by all of them.
  const patch = patchFor(patches, lines[0][0]);
  for (const line of lines) {
    if (role !== "place") addLine(patch, role, line, shape === "polygon");
    else (include(patch, line[0]), patch.places.push(placeOf(properties, ...line[0])));
  }
}

/** The patches of a feature collection; each knows its extent. */
export function patchesOf(collection) {
  const patches = new Map();
  for (const feature of collection.features) addFeature(patches, feature);
  return [...patches.values()];
}
