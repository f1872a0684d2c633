// Which rows are shown in which order: as they come, or as they were while somebody points at or selects rows.

// The alerts of the data, which come by column, by their id. What the data no longer has, but a row that is held
// still shows, is kept as it was, and marked as gone.
export function alertsOf(columns, before, kept) {
  const names = Object.keys(columns);
  const alerts = new Map();
  columns.id.forEach((id, number) => {
    alerts.set(id, Object.fromEntries(names.map((name) => [name, columns[name][number]])));
  });
  for (const id of kept) {
    if (!alerts.has(id) && before.has(id)) alerts.set(id, { ...before.get(id), isGone: true, waits: 0 });
  }
  return alerts;
}

// The rows of the data, with the ids of their alerts.
export function rowsOf(data) {
  const id = (number) => data.alerts.id[number];
  return data.rows.map((row) =>
    typeof row === "number"
      ? { key: id(row), ids: [id(row)], isGroup: false }
      : { ...row, ids: row.of.map(id), isGroup: true },
  );
}

// What is shown while the order is held: the rows as they were, with the words of those that have come since for
// the same group. The others wait; they are counted, and how many of them belong above all that is shown.
export function heldRows(held, incoming) {
  const byKey = new Map(incoming.map((row) => [row.key, row]));
  const known = new Set(held.flatMap((row) => row.ids));
  const rows = held.map((row) => {
    const now = byKey.get(row.key);
    return now && row.isGroup ? { ...row, says: now.says, state: now.state, since: now.since } : row;
  });
  const isNew = (row) => !row.ids.some((id) => known.has(id));
  const waiting = incoming.filter((row) => row.ids.some((id) => !known.has(id)));
  const first = incoming.findIndex((row) => !isNew(row));
  const above = first < 0 ? waiting.length : incoming.slice(0, first).length;
  return { rows, waiting: waiting.length, above };
}

// The lines that rows take: a group that is opened is followed by its alerts.
export function linesOf(rows, opened) {
  return rows.flatMap((row) => {
    const isOpened = row.isGroup && row.ids.some((id) => opened.has(id));
    const line = { ...row, level: 1, isOpened };
    const members = isOpened ? row.ids : [];
    return [line, ...members.map((id) => ({ key: id, ids: [id], isGroup: false, level: 2, isOpened: false }))];
  });
}
