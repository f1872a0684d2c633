"""``python -m dataflows.metrics``: print the metrics of all jobs, or bring docs/metrics.md up to date."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from dataflows.metrics.table import PAGE, page, table


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m dataflows.metrics", description="Print the metrics of all jobs as Markdown."
    )
    parser.add_argument("--write", action="store_true", help="put them into docs/metrics.md instead")
    if parser.parse_args(arguments).write:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(table())


if __name__ == "__main__":
    main()
