// Vector tiles (Mapbox Vector Tile Specification 2.1): from their bytes to paths by role.

import { placeOf, roleInTile } from "./map_land.js";

const VARINT = 0;
const DOUBLE = 1;
const BYTES = 2;
const FLOAT = 5;
const GEOMETRIES = [null, "point", "line", "polygon"];
const MOVE = 1;
const LINE = 2;
const CLOSE = 7;

const text = new TextDecoder();

/** The fields of a message of Protocol Buffers, as [number, value]: a number, or bytes. */
function* fieldsOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    const tag = varint(reader);
    const start = reader.at;
    switch (tag & 7) {
      case VARINT:
        yield [tag >> 3, varint(reader)];
        break;
      case DOUBLE:
        reader.at += 8;
        yield [tag >> 3, view.getFloat64(start, true)];
        break;
      case FLOAT:
        reader.at += 4;
        yield [tag >> 3, view.getFloat32(start, true)];
        break;
      case BYTES: {
        const length = varint(reader);
        reader.at += length;
        if (reader.at > bytes.length) throw new Error("expected a whole vector tile, got a part of one");
        yield [tag >> 3, bytes.subarray(reader.at - length, reader.at)];
        break;
      }
      default:
        throw new Error(`expected a vector tile, got a field of type ${tag & 7}`);
    }
  }
}

function varint(reader) {
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) throw new Error("expected a whole vector tile, got a part of one");
    value += (byte & 127) * factor;
    if (byte < 128) return value;
  }
}

function varints(bytes) {
  const reader = { bytes, at: 0 };
  const values = [];
  while (reader.at < bytes.length) values.push(varint(reader));
  return values;
}

function valueOf(bytes) {
  for (const [number, value] of fieldsOf(bytes))
    return number === 1 ? text.decode(value) : number === 7 ? value === 1 : value;
  return undefined;
}

function layerOf(bytes) {
  const layer = { name: "", features: [], keys: [], values: [], extent: 4096 };
  for (const [number, value] of fieldsOf(bytes)) {
    if (number === 1) layer.name = text.decode(value);
    else if (number === 2) layer.features.push(value);
    else if (number === 3) layer.keys.push(text.decode(value));
    else if (number === 4) layer.values.push(valueOf(value));
    else if (number === 5) layer.extent = value;
  }
  return layer;
}

function featureOf(bytes, { keys, values }) {
  const feature = { properties: {}, geometry: null, commands: [] };
  for (const [number, value] of fieldsOf(bytes)) {
    if (number === 2) {
      const tags = varints(value);
      for (let at = 0; at + 1 < tags.length; at += 2)
        feature.properties[keys[tags[at]]] = values[tags[at + 1]];
    } else if (number === 3) feature.geometry = GEOMETRIES[value] ?? null;
    else if (number === 4) feature.commands = varints(value);
  }
  return feature;
}

const zigzag = (value) => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);

/** Follows the commands of a geometry with a pen {moveTo, lineTo, closePath}. */
export function follow(commands, pen) {
  let [x, y, at] = [0, 0, 0];
  while (at < commands.length) {
    const command = commands[at] & 7;
    const times = commands[at] >> 3;
    at += 1;
    if (command === CLOSE) pen.closePath();
    else if (command !== MOVE && command !== LINE)
      throw new Error(`expected a vector tile, got the command ${command}`);
    for (let time = 0; command !== CLOSE && time < times; time++, at += 2) {
      x += zigzag(commands[at]);
      y += zigzag(commands[at + 1]);
      if (command === MOVE) pen.moveTo(x, y);
      else pen.lineTo(x, y);
    }
  }
}

/** A tile {z, x, y} as a patch for `drawLand`; throws an Error if the bytes are not a vector tile. */
export function patchOfTile(bytes, { z, x, y }) {
  const side = 2 ** -z;
  const unit = side / 4096;
  const patch = { x: x * side, y: y * side, unit, paths: new Map(), places: [] };
  for (const [number, value] of fieldsOf(bytes)) {
    if (number !== 3) continue;
    const layer = layerOf(value);
    const scale = 4096 / layer.extent;
    for (const each of layer.features) addFeature(patch, layer.name, featureOf(each, layer), scale);
  }
  return patch;
}

function addFeature(patch, layer, { geometry, properties, commands }, scale) {
  const role = geometry && roleInTile(layer, geometry, properties);
  if (!role) return;
  if (role === "place") {
    const add = (x, y) =>
      properties.name &&
      patch.places.push(
        placeOf(properties, patch.x + x * scale * patch.unit, patch.y + y * scale * patch.unit),
      );
    follow(commands, { moveTo: add, lineTo: add, closePath() {} });
    return;
  }
  if (!patch.paths.has(role)) patch.paths.set(role, new Path2D());
  const path = patch.paths.get(role);
  follow(commands, {
    moveTo: (x, y) => path.moveTo(x * scale, y * scale),
    lineTo: (x, y) => path.lineTo(x * scale, y * scale),
    closePath: () => path.closePath(),
  });
}
