"""The history as Delta tables at a URL, one for each kind, partitioned by day.

A commit of the table's log is there whole or not at all, and several processes may append: each commit is an
object that is created only if it is not there, and who comes second tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date

import pyarrow as pa
from deltalake import DeltaTable, Schema, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, TableNotFoundError

from config.errors import HistoryError
from config.history_settings import HistorySettings
from dataflows.history.database import SMALL, connect
from dataflows.history.delta_deletion import delete_vehicle
from dataflows.history.delta_maintenance import DeltaMaintenance
from dataflows.history.delta_reading import DeltaSnapshot, dataset, days_of
from dataflows.history.kinds import KINDS, Kind
from dataflows.history.storage import ATTEMPTS, local_path, options, reading, writing
from dataflows.history.store import Deleted

CONFIGURATION = {
    "delta.checkpointInterval": "100",
    # A commit every ten seconds is 8,640 a day.
    "delta.logRetentionDuration": "interval 1 days",
    "delta.enableExpiredLogCleanup": "true",
}
"""Properties of every table."""


class DeltaStore:
    """Delta tables ``<url>/<kind>``."""

    def __init__(self, url: str) -> None:
        """Remember where they are. What is not there yet is an empty history."""
        self._url = url
        self._tables: dict[str, DeltaTable] = {}
        self._maintenance = DeltaMaintenance(url)

    def exists(self) -> bool:
        return any(self.table(kind) is not None for kind in KINDS.values())

    def table(self, kind: Kind) -> DeltaTable | None:
        """The newest version of a table, or ``None`` if there is none.

        Raises:
            HistoryError: the storage cannot be read.
        """
        with reading(self._url):
            try:
                if kind.name in self._tables:
                    self._tables[kind.name].update_incremental()
                    return self._tables[kind.name]
                return self._opened(kind)
            except TableNotFoundError:
                self._tables.pop(kind.name, None)
                return None

    def append(self, kind: Kind, table: pa.Table) -> None:
        """Append in one commit; signals that the table does not know become columns of it."""
        rows = with_day(kind, table)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with writing(self._url):
                    target = self._tables.get(kind.name) or self._create(kind)
                    write_deltalake(
                        target,
                        _named_as(target, rows),
                        mode="append",
                        schema_mode="merge",
                        writer_properties=WriterProperties(compression="ZSTD"),
                    )
                return
            except CommitFailedError as error:
                # Somebody else has added a signal, or created the table.
                self._tables.pop(kind.name, None)
                if attempt == ATTEMPTS:
                    raise HistoryError(
                        f"the history cannot be written: {self._url}: others keep changing the table "
                        f"{kind.name!r}: {' '.join(str(error).split())}; nothing is lost: restart"
                    ) from None

    def newest_ids(self, kind: Kind, count: int) -> frozenset[str]:
        found: set[str] = set()
        table = self.table(kind)
        for day in [] if table is None else sorted(days_of(table), reverse=True):
            assert table is not None
            with reading(self._url), closing(connect(memory=SMALL)) as database:
                database.register("stored", dataset(self._url, table, day, day))
                question = f"SELECT message_id FROM stored ORDER BY arrived_at DESC LIMIT {count}"
                found.update(identity for (identity,) in database.execute(question).fetchall())
            if len(found) >= count:
                break
        return frozenset(found)

    def look(self, kinds: list[str], first: date | None, last: date | None) -> DeltaSnapshot:
        return DeltaSnapshot(self._url, {kind: self.table(KINDS[kind]) for kind in kinds}, first, last)

    def maintain(self, settings: HistorySettings, is_stopping: Callable[[], bool]) -> bool:
        return self._maintenance.maintain(self._existing(), settings, is_stopping)

    def delete_vehicle(self, vehicle: str) -> Deleted:
        return delete_vehicle(self._url, self._existing(), vehicle)

    def _existing(self) -> Iterator[tuple[Kind, DeltaTable]]:
        for kind in KINDS.values():
            table = self.table(kind)
            if table is not None:
                yield kind, table

    def _opened(self, kind: Kind) -> DeltaTable:
        url = f"{self._url}/{kind.name}"
        path = local_path(url)
        # Opening would create the directory.
        if path is not None and not path.is_dir():
            raise TableNotFoundError(url)
        table = DeltaTable(url, storage_options=options(url))
        self._tables[kind.name] = table
        return table

    def _create(self, kind: Kind) -> DeltaTable:
        try:
            return self._opened(kind)
        except TableNotFoundError:
            path = local_path(self._url)
            if path is not None:
                path.mkdir(0o750, parents=True, exist_ok=True)
        url = f"{self._url}/{kind.name}"
        schema = kind.schema.append(pa.field("day", pa.date32()))
        # Statistics of these columns only: they are in every commit.
        configuration = CONFIGURATION | {"delta.dataSkippingStatsColumns": ",".join(kind.sorted_by[:2])}
        DeltaTable.create(
            url,
            Schema.from_arrow(schema),
            mode="ignore",
            partition_by=["day"],
            configuration=configuration,
            storage_options=options(url),
        )
        return self._opened(kind)


def with_day(kind: Kind, table: pa.Table) -> pa.Table:
    """Rows, sorted, with the UTC day of their time as the last column."""
    sorted_rows = table.sort_by([(column, "ascending") for column in kind.sorted_by])
    return sorted_rows.append_column("day", sorted_rows[kind.time].cast(pa.date32()))


def _named_as(target: DeltaTable, rows: pa.Table) -> pa.Table:
    """Rows with columns spelt as in the table, which knows no capitals in names."""
    spelt = {field.name.lower(): field.name for field in target.schema().fields}
    return rows.rename_columns([spelt.get(column.lower(), column) for column in rows.column_names])
