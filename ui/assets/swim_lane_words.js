// What a cell of the swim lanes says, in words.

// Of one vehicle: 0 is no event, else 1 + severity.
export function wordsOf(value, bands) {
  if (value === 0) return "no data";
  const severity = value - 1;
  if (severity === 0) return "no verdict: warming up";
  const reached = bands.findLast(([, from]) => severity >= from);
  return reached ? `at worst ${reached[0]}, severity ${severity}` : `normal, severity at most ${severity}`;
}

// Of all vehicles: how many were sending, then how many were at worst what.
export function wordsOfAll(counts, bands) {
  const [sending, ...levels] = counts;
  if (sending === 0) return ["no data"];
  const troubled = levels
    .map((count, level) => [count, bands[level][0]])
    .filter(([count]) => count > 0)
    .reverse();
  const normal = sending - levels.reduce((sum, count) => sum + count, 0);
  const lines = troubled.map(([count, name]) => `${count.toLocaleString("en")} at worst ${name}`);
  return [...lines, `${normal.toLocaleString("en")} normal`];
}
