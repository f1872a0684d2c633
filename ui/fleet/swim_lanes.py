"""The last six hours: a lane for each of the worst vehicles, coloured by how bad it was when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dataflows.events import PEAKS, SEVERITIES
from ui import links, palette
from ui.assets import component
from ui.fleet.selection import choose
from ui.formatting import plain
from ui.live.severity_lanes import AT_THRESHOLD, CELLS, WIDTH, Lanes
from ui.viewer import Viewer

KEY = "swim_lanes"

ROWS, MOST_ROWS = 20, 100
"""Lanes until the viewer asks for more, which gives as many again; and at most."""

BANDS = (AT_THRESHOLD, *PEAKS[1:])
"""Severities, 0–100, from which a cell has the colour of each of the `SEVERITIES`; below it is normal."""

LEAST_CELLS = 12
"""Cells that are shown at least; those before anything was known are not."""

_LIMIT = "swim_lane_rows"

_lanes = component("fleet_swim_lanes", "swim_lanes.js")


def worst(lanes: Lanes, names: Collection[str] | None, limit: int) -> list[int]:
    """The rows of the vehicles with the worst hours, the worst first.

    Each cell counts with the square of what it is above the threshold: one critical fault is worse than
    many events that are only just unusual, of which every vehicle has some.

    Args:
        lanes: of the fleet.
        names: vehicles to choose from; ``None`` for all.
        limit: of rows.
    """
    excess = np.clip(lanes.cells.astype(np.int32) - 1 - int(AT_THRESHOLD), 0, None)
    badness = (excess * excess).sum(axis=1)
    if names is None:
        candidates = np.arange(len(lanes.vehicles))
    else:
        candidates = np.array([row for row, name in enumerate(lanes.vehicles) if name in names], np.intp)
    # Vehicles that were equally bad by name, so that none of them moves without a reason.
    order = sorted(candidates, key=lambda row: (-badness[row], lanes.vehicles[row]))
    return [int(row) for row in order[:limit]]


def counts(cells: NDArray[np.uint8]) -> list[list[int]]:
    """How many vehicles were at worst what, in each cell.

    Args:
        cells: of the vehicles that count, as in `Lanes`.

    Returns:
        for each cell the vehicles that were sending, and those at worst in each of the `SEVERITIES`.
    """
    reached = [(cells > 0).sum(axis=0), *((cells >= 1 + band).sum(axis=0) for band in BANDS)]
    above = [*reached[2:], np.zeros(cells.shape[1], np.intp)]
    exactly = [reached[0], *(here - more for here, more in zip(reached[1:], above, strict=True))]
    return [[int(count) for count in cell] for cell in np.stack(exactly, axis=1)]


def known_part(lanes: Lanes) -> Lanes:
    """The lanes from the first cell on in which any vehicle was sending, at least `LEAST_CELLS`."""
    is_known = lanes.cells.any(axis=0)
    first = min(int(is_known.argmax()) if is_known.any() else CELLS, CELLS - LEAST_CELLS)
    return Lanes(lanes.start + first * WIDTH, lanes.vehicles, lanes.cells[:, first:])


def show_swim_lanes(viewer: Viewer, lanes: Lanes, names: Collection[str] | None, chosen: str | None) -> None:
    """Draw the lanes; clicking a cell goes to the vehicle at that time, clicking a name chooses it.

    Args:
        viewer: who looks.
        lanes: of the fleet.
        names: vehicles that are shown; ``None`` for all.
        chosen: id of the vehicle whose lane is marked; it always has one.
    """
    lanes = known_part(lanes)
    limit = min(st.session_state.get(_LIMIT, ROWS), MOST_ROWS)
    rows = worst(lanes, names, limit)
    row_of = {name: row for row, name in enumerate(lanes.vehicles)}
    if chosen in row_of and row_of[chosen] not in rows:
        rows.insert(0, row_of[chosen])
    among = len(lanes.vehicles) if names is None else sum(name in names for name in lanes.vehicles)

    def value(name: str) -> Any:
        return getattr(st.session_state.get(KEY), name, None)

    def go() -> None:
        wanted = value("moment") or {}
        vehicle, cell = wanted.get("vehicle"), wanted.get("cell")
        if vehicle in row_of and isinstance(cell, int) and 0 <= cell < lanes.cells.shape[1]:
            at = datetime.fromtimestamp(lanes.start + cell * WIDTH + WIDTH / 2, UTC)
            st.session_state.chosen = vehicle
            links.go_to("vehicle", links.query_of_vehicle(vehicle, at))

    def choose_named() -> None:
        if value("chosen") in row_of:
            choose(value("chosen"))

    def more() -> None:
        st.session_state[_LIMIT] = limit + ROWS

    _lanes(
        key=KEY,
        data={
            "start": lanes.start,
            "width": WIDTH,
            "zone": str(viewer.zone),
            "rows": [_row(lanes, row) for row in rows],
            "overall": counts(lanes.cells if names is None else lanes.cells[_rows_of(lanes, names)]),
            "chosen": chosen,
            "more": max(0, min(among, MOST_ROWS) - limit),
            "bands": [[severity, band] for severity, band in zip(SEVERITIES, BANDS, strict=True)],
            "colours": palette.CELLS,
        },
        on_moment_change=go,
        on_chosen_change=choose_named,
        on_more_change=more,
    )


def _row(lanes: Lanes, row: int) -> dict[str, Any]:
    name = lanes.vehicles[row]
    return {"id": name, "name": plain(name, 40), "cells": lanes.cells[row].tolist()}


def _rows_of(lanes: Lanes, names: Collection[str]) -> Sequence[int]:
    return [row for row, name in enumerate(lanes.vehicles) if name in names]
