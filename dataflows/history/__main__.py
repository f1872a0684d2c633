"""Query the history: ``python -m dataflows.history "SELECT ..."``."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from config.errors import HistoryError, exit_on_error
from config.history_settings import Place
from config.logs import configure_logging
from config.settings import load
from dataflows.history.reader import VIEWS, History
from dataflows.history.store import open_store, place_argument

PROGRAM = "python -m dataflows.history"
MOST_ROWS, WIDEST = 200, 60
"""Rows of a printed table, and characters of a cell."""

EXAMPLES = f"""
examples:
  {PROGRAM} "SELECT vehicle_id, count(*) FROM events GROUP BY ALL"
  {PROGRAM} "SELECT vehicle_id, sum(distance_km) FROM rollups WHERE day = '2026-11-28' GROUP BY ALL"
  {PROGRAM} --csv "SELECT ts, speed, speed_expected FROM events WHERE vehicle_id = 'VEH-0001' ORDER BY ts"
  {PROGRAM} --tables
  {PROGRAM} --delete-vehicle VEH-0001

The SQL is DuckDB's. Every view has a column "day", the UTC day: a condition on it saves time. docs/history.md
says what is in the views.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Answer one question, list the views, or delete a vehicle.

    Raises:
        SystemExit: after one line on standard error, if that cannot be done.
    """
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Query what dataflows.record keeps.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sql", nargs="?", metavar="SQL", help="one SELECT")
    parser.add_argument(
        "--directory", type=place_argument, help="of the history, or its URL; by default history.directory"
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--csv", action="store_true", help="print comma-separated values")
    shown.add_argument("--json", action="store_true", help="print one JSON object per row")
    parser.add_argument("--tables", action="store_true", help="list the views and their columns")
    parser.add_argument("--delete-vehicle", metavar="ID", help="delete all rows about a vehicle")
    parser.add_argument("--yes", action="store_true", help="delete without asking")
    options = parser.parse_args(arguments)
    if (options.sql is not None) + options.tables + (options.delete_vehicle is not None) != 1:
        parser.error("expected SQL, --tables or --delete-vehicle")
    configure_logging("history", "%(message)s", is_command=True)
    with exit_on_error("history"):
        directory = options.directory or load().history.directory
        if directory is None or not open_store(directory).exists():
            raise HistoryError(
                f"expected a history in {directory or 'history.directory, which is not set'}; "
                "name it with --directory, or record one: python -m bytewax.run dataflows.record"
            )
        if options.delete_vehicle is not None:
            _delete(directory, options.delete_vehicle, is_agreed=options.yes)
            return
        history = History(directory)
        sql = options.sql
        if options.tables:
            sql = f"SELECT table_name AS view, column_name AS column, data_type AS type {_COLUMNS}"
        table = history.query(sql)
        try:
            (_print_csv if options.csv else _print_json if options.json else _print_table)(table)
        except BrokenPipeError:
            sys.stderr.close()


_COLUMNS = (
    "FROM information_schema.columns WHERE table_name IN ("
    + ", ".join(f"'{view}'" for view in VIEWS)
    + ") ORDER BY table_name, ordinal_position"
)


def _delete(directory: Place, vehicle: str, *, is_agreed: bool) -> None:
    if not is_agreed:
        print(f"Delete all rows about {vehicle!r} in {directory}? They cannot be restored. [y/N] ", end="")
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise HistoryError("nothing was deleted")
    deleted = open_store(directory).delete_vehicle(vehicle)
    counts = ", ".join(f"{count:,} of {kind}" for kind, count in deleted.rows.items())
    print(f"rows about {vehicle!r} that were deleted: {counts or 'none'}")
    for path in deleted.unread:
        print(f"cannot be read and may hold more about it, delete it yourself: {path}")


def _print_csv(table: pa.Table) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(table.column_names)
    for row in _rows(table):
        writer.writerow(["" if value is None else _cell(value) for value in row])


def _print_json(table: pa.Table) -> None:
    for row in _rows(table):
        record = {name: _plain(value) for name, value in zip(table.column_names, row, strict=True)}
        print(msgspec.json.encode(record).decode())


def _print_table(table: pa.Table) -> None:
    right = [pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in table.schema.types]
    head = [_short(name) for name in table.column_names]
    cells = [[_short(_cell(value)) for value in row] for row in _rows(table.slice(0, MOST_ROWS))]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    for row in (head, ["─" * width for width in widths], *cells):
        aligned = zip(row, widths, right, strict=True)
        print(
            "  ".join(
                cell.rjust(width) if is_right else cell.ljust(width) for cell, width, is_right in aligned
            ).rstrip()
        )
    if len(table) > MOST_ROWS:
        print(f"… and {len(table) - MOST_ROWS:,} more rows: add a LIMIT, or print all with --csv")


def _rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in table.to_batches(10_000):
        # Not as records: two columns may have the same name.
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return "" if value is None else str(value)


def _plain(value: Any) -> Any:
    return _cell(value) if isinstance(value, bytes | datetime) else value


def _short(text: str) -> str:
    """A cell of a table on a terminal: no control characters, not too long."""
    printable = "".join(character if character.isprintable() else "�" for character in text[: WIDEST + 1])
    return printable if len(printable) <= WIDEST else f"{printable[: WIDEST - 1]}…"


if __name__ == "__main__":
    main()
