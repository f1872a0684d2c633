// The keys of the list of alerts, as in a tree grid (WAI-ARIA Authoring Practices): arrows move from row to row,
// right and left open and close, space selects, enter opens, Escape steps back.

export function onKey(event, list) {
  const row = event.target.closest?.(".row");
  if (event.key === "Escape") return stop(event, list.stepBack());
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a" && list.canPick) {
    return stop(event, list.pickAll(true));
  }
  if (!row || event.altKey || event.ctrlKey || event.metaKey) return undefined;
  const key = row.dataset.key;
  const isOnRow = event.target === row;
  switch (event.key) {
    case "ArrowDown":
      return stop(event, list.move(key, 1, event.shiftKey));
    case "ArrowUp":
      return stop(event, list.move(key, -1, event.shiftKey));
    case "Home":
      return stop(event, list.move(key, -Infinity, false));
    case "End":
      return stop(event, list.move(key, Infinity, false));
    case "ArrowRight":
      return stop(event, list.expand(key, true));
    case "ArrowLeft":
      return stop(event, list.expand(key, false));
    case " ":
      return isOnRow && list.canPick ? stop(event, list.pick(key, event.shiftKey)) : undefined;
    case "Enter":
      return isOnRow ? stop(event, list.toggle(key)) : undefined;
    default:
      return undefined;
  }
}

function stop(event, isDone) {
  if (isDone !== false) event.preventDefault();
}
