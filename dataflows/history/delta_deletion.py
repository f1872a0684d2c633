"""Deletes all rows about one vehicle from Delta tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from config.errors import HistoryError
from dataflows.history.database import text
from dataflows.history.deletion import LOOKED_AT, ROWS_AT_ONCE, names_vehicle
from dataflows.history.delta_maintenance import replace_day
from dataflows.history.delta_reading import dataset, days_of
from dataflows.history.kinds import Kind
from dataflows.history.storage import ATTEMPTS, writing
from dataflows.history.store import Deleted


def delete_vehicle(url: str, tables: Iterable[tuple[Kind, DeltaTable]], vehicle: str) -> Deleted:
    """Delete the rows of a vehicle, and messages that name it, and the files that held them.

    Day by day, so that a recorder that writes today is in the way of today only.

    Args:
        url: of the history.
        tables: the newest version of each.
        vehicle: its id.

    Raises:
        HistoryError: the storage refuses, or others keep writing; what was deleted before stays deleted.
    """
    rows: dict[str, int] = {}
    for kind, table in tables:
        if not kind.is_about_vehicles:
            continue
        delete = _delete_messages if "payload" in kind.columns else _delete_rows
        with writing(url):
            for day in sorted(days_of(table)):
                count = _attempt(url, table, kind, partial(delete, url, kind, table, day, vehicle))
                if count:
                    rows[kind.name] = rows.get(kind.name, 0) + count
            table.update_incremental()
            # Also those that an earlier, interrupted deletion has replaced. Who reads them asks again.
            table.vacuum(0, dry_run=False, enforce_retention_duration=False, full=False)
            table.create_checkpoint()
    return Deleted(rows, [])


def _attempt(url: str, table: DeltaTable, kind: Kind, step: Callable[[], int]) -> int:
    for _ in range(ATTEMPTS):
        try:
            return step()
        except CommitFailedError:
            table.update_incremental()
    raise HistoryError(
        f"not everything was deleted: others keep writing {kind.name} to {url}; stop dataflows.record, and "
        "delete again"
    )


def _delete_rows(url: str, kind: Kind, table: DeltaTable, day: date, vehicle: str) -> int:
    condition = f"vehicle_id = {text(vehicle)}"
    if kind.name == "actions":
        # The id of an alert begins with its vehicle.
        condition = f"({condition} OR starts_with(alert_id, {text(f'{vehicle}/')}))"
    done = table.delete(f"day = '{day.isoformat()}' AND {condition}")
    return int(done.get("num_deleted_rows") or 0)


def _delete_messages(url: str, kind: Kind, table: DeltaTable, day: date, vehicle: str) -> int:
    """Of messages as they came, SQL cannot tell what they name."""
    names_it = names_vehicle(kind, vehicle)
    stored = dataset(url, table, day, day)
    columns = [column for column in stored.schema.names if column in LOOKED_AT]
    deleted = total = 0
    for batch in stored.to_batches(columns=columns, batch_size=ROWS_AT_ONCE):
        total += len(batch)
        deleted += sum(map(names_it, batch.to_pylist()))
    if deleted == total:
        table.delete(f"day = '{day.isoformat()}'")
    elif deleted:

        def kept() -> Iterator[pa.RecordBatch]:
            for batch in stored.to_batches(batch_size=ROWS_AT_ONCE):
                stays = [not names_it(row) for row in batch.select(columns).to_pylist()]
                yield batch.filter(pa.array(stays, pa.bool_()))

        replace_day(table, day, pa.RecordBatchReader.from_batches(stored.schema, kept()))
    return deleted
