"""The command ``python -m dataflows.report``: what vehicles did on a day."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rich.console import Console

from config.errors import HistoryError, exit_on_error
from config.logs import configure_logging
from config.settings import load
from dataflows.history.reader import History
from dataflows.history.store import place_argument
from dataflows.report.html import html
from dataflows.report.reading import day_report, fleet_report
from dataflows.report.text import print_day, print_fleet

PROGRAM = "report"

EXAMPLES = """examples:
  python -m dataflows.report
  python -m dataflows.report --day 2026-11-27 --vehicle VEH-0007
  python -m dataflows.report --day 2026-11-27 --vehicle VEH-0007 --html day.html"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: status 1 or 2 after one line on standard error, if something is wrong.
    """
    configure_logging(PROGRAM, f"{PROGRAM}: %(message)s", is_command=True)
    options = _parser().parse_args(arguments)
    with exit_on_error(PROGRAM):
        settings = load()
        directory = options.history or settings.history.directory
        if directory is None:
            raise HistoryError("history.directory is empty: nothing is kept; name a directory with --history")
        history = History(directory)
        console = Console(width=None if sys.stdout.isatty() else 120)
        if options.vehicle is None:
            if options.html is not None:
                raise HistoryError("--html draws one vehicle: expected --vehicle ID beside it")
            reports = fleet_report(history, settings, options.day)
            if not reports:
                raise HistoryError(
                    f"no vehicle has sent anything on {options.day}, as far as {directory} knows"
                )
            print_fleet(reports, console)
            return
        report = day_report(history, settings, options.vehicle, options.day)
        if not report.trips and not report.alerts:
            raise HistoryError(
                f"{options.vehicle} has sent nothing on {options.day}, as far as {directory} knows; "
                "without --vehicle, all that have are listed"
            )
        units = {name: signal.unit for name, signal in settings.signals.items()}
        if options.html is None:
            print_day(report, units, console)
            return
        _write(options.html, html(report, units))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HistoryError(f"cannot write {file}: {error.strerror or error}") from None
    print(f"{PROGRAM}: written to {file}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dataflows.report",
        description="What vehicles did on a day: trips and stops, alerts, and what they were told to do.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    parser.add_argument(
        "--day",
        type=_day,
        default=yesterday,
        metavar="DAY",
        help="the day, in UTC: 2026-11-27, today or yesterday (yesterday)",
    )
    parser.add_argument("--vehicle", metavar="ID", help="one vehicle in detail; without it, a line for each")
    parser.add_argument("--html", type=Path, metavar="FILE", help="draw it, as a page that needs no network")
    parser.add_argument(
        "--history",
        type=place_argument,
        metavar="DIR",
        help="directory or URL of the history (that of the settings)",
    )
    return parser


def _day(text: str) -> date:
    today = datetime.now(UTC).date()
    if text in ("today", "yesterday"):
        return today - timedelta(days=text == "yesterday")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a day such as {today}, got {text!r}") from None


if __name__ == "__main__":
    main()
