"""What is shown as files: CSV and Parquet, made when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import streamlit as st

from ui.formatting import plain
from ui.history.answers import rows_of
from ui.history.period import Period

Shown = Literal["events", "rollups"]


def show_downloads(directory: Path | str, kind: Shown, vehicles: Sequence[str], period: Period) -> None:
    """Draw the buttons for the events or rollups behind what is shown."""
    stem = f"{kind} {' '.join(plain(vehicle, 40) for vehicle in vehicles)} {period.stem}"

    def as_csv() -> bytes:
        return csv_of(rows_of(directory, kind, vehicles, period))

    def as_parquet() -> bytes:
        return parquet_of(rows_of(directory, kind, vehicles, period))

    what = "events" if kind == "events" else "summaries"
    st.download_button(
        f"CSV of the {what}",
        as_csv,
        f"{stem}.csv",
        "text/csv",
        icon=":material/download:",
        key="download_csv",
    )
    st.download_button(
        f"Parquet of the {what}",
        as_parquet,
        f"{stem}.parquet",
        "application/vnd.apache.parquet",
        icon=":material/download:",
        key="download_parquet",
    )


def csv_of(table: pa.Table) -> bytes:
    """A table as CSV with a header; lists as words separated by spaces."""
    columns = [
        pa.compute.binary_join(column, " ") if pa.types.is_list(column.type) else column
        for column in table.columns
    ]
    target = BytesIO()
    pa.csv.write_csv(pa.table(columns, names=table.column_names), target)
    return target.getvalue()


def parquet_of(table: pa.Table) -> bytes:
    """A table as Parquet, as the history keeps it."""
    target = BytesIO()
    pa.parquet.write_table(table, target, compression="zstd")
    return target.getvalue()
