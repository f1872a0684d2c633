// Which alerts are selected. A group is selected with all of its alerts.

export class Picks {
  ids = new Set();
  anchor = null;

  // "all", "some" or "none" of these alerts.
  of(ids) {
    const count = ids.filter((id) => this.ids.has(id)).length;
    if (!count) return "none";
    return count === ids.length ? "all" : "some";
  }

  // Selects or deselects a line; with a range, all lines from the one that was touched last are made like that one.
  toggle(lines, key, isRange) {
    const end = lines.findIndex((line) => line.key === key);
    const start = lines.findIndex((line) => line.key === this.anchor);
    if (isRange && start >= 0) {
      const isPicked = this.of(lines[start].ids) === "all";
      const [first, last] = start < end ? [start, end] : [end, start];
      for (const line of lines.slice(first, last + 1)) this.set(line.ids, isPicked);
    } else {
      this.set(lines[end].ids, this.of(lines[end].ids) !== "all");
      this.anchor = key;
    }
  }

  set(ids, isPicked) {
    for (const id of ids) {
      if (isPicked) this.ids.add(id);
      else this.ids.delete(id);
    }
  }

  // Forgets alerts that are no longer there; returns whether there were any.
  keepOnly(alerts) {
    const gone = [...this.ids].filter((id) => !alerts.has(id) || alerts.get(id).isGone);
    this.set(gone, false);
    return gone.length > 0;
  }

  clear() {
    this.ids.clear();
    this.anchor = null;
  }
}
