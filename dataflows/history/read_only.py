"""What of SQL is a question: a SELECT, whatever is nested in it, that changes nothing.

DuckDB can be kept from reading other files than those of the history. But where it may read it may write, and
its dialect writes within a SELECT: ``WITH x AS (COPY … TO 'file') …``.
"""

from __future__ import annotations

from typing import Any

import duckdb
import msgspec

from config.errors import HistoryError

QUESTIONS = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
"""What a question may be made of: nodes of DuckDB's syntax tree. Others insert, copy, …"""

OF_TEXTS = frozenset({"query", "query_table"})
"""Functions whose arguments are SQL or names themselves, and cannot be looked into."""


def check_question(database: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Check that SQL is one SELECT, and that nothing in it writes.

    Raises:
        HistoryError: it is something else.
        duckdb.Error: it is not SQL.
    """
    statements = database.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise HistoryError("expected one SELECT: the history is only read, and one question at a time")
    # As the database understands it, comments and quotes included.
    [(serialized,)] = database.execute("SELECT json_serialize_sql($1::VARCHAR)", [sql]).fetchall()
    tree = msgspec.json.decode(serialized)
    if tree.get("error", True):
        raise HistoryError(f"expected a SELECT, got what cannot be checked: {tree.get('error_message')}")
    _check(tree)


def _check(tree: Any) -> None:
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            kind, function = part.get("type"), part.get("function_name")
            if isinstance(kind, str) and kind.endswith("_NODE") and kind not in QUESTIONS:
                raise HistoryError(f"expected a SELECT that only reads, got {kind} in it")
            if isinstance(function, str) and function.lower() in OF_TEXTS:
                raise HistoryError(f"expected a SELECT without the function {function}")
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
