"""Replays a recording through the pipeline at full speed: ``python -m dataflows.backtest FILE``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from config.errors import exit_on_error
from config.logs import configure_logging
from config.settings import load
from dataflows.backtest.catalogue import with_catalogue
from dataflows.backtest.report import summary, text_report, write_scores
from dataflows.backtest.run import run
from dataflows.recordings import TableOptions, open_recording

PROGRAM = "backtest"

EXAMPLES = """examples:
  python -m dataflows.backtest trip.csv.gz
  python -m dataflows.backtest telemetry.jsonl.gz --json
  python -m dataflows.backtest trip.csv --label label --eval-from 800 --scores scores.csv
  python -m dataflows.backtest trip.parquet --signals speed,rpm,coolant_temperature
  python -m dataflows.backtest log.csv --time Zeit --time-format '%d.%m.%Y %H:%M:%S' --time-zone Europe/Berlin
"""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: with status 1, after one line on standard error, if the file or a setting is wrong.
    """
    options = _parser().parse_args(arguments)
    configure_logging(PROGRAM, f"{PROGRAM}: %(message)s", is_command=True)
    with exit_on_error(PROGRAM):
        settings = load()
        told = TableOptions(options.time, options.time_format, options.time_zone)
        recording = open_recording(options.file, told)
        settings = with_catalogue(settings, recording, options.signals, options.label)
        results = run(settings, recording, label=options.label)
        figures = summary(
            results,
            labelled=options.label is not None,
            eval_from=options.eval_from,
            warnings=recording.warnings,
        )
        if options.scores is not None:
            write_scores(results, options.scores)
        print(json.dumps(figures) if options.json else text_report(results, figures))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dataflows.backtest",
        description="Score a recording as the live job would, and report what was found.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="recording: JSON lines, CSV (each also .gz) or Parquet")
    parser.add_argument(
        "--time",
        default="",
        metavar="COLUMN",
        help="column of a table that holds the times, or DATE,TIME for two; without it they are found",
    )
    parser.add_argument(
        "--time-format",
        default="auto",
        metavar="FORMAT",
        help="iso8601, epoch_s, epoch_ms, epoch_us, epoch_ns, auto, or a pattern of strptime such as "
        "'%%d.%%m.%%Y %%H:%%M:%%S'",
    )
    parser.add_argument(
        "--time-zone",
        default="",
        metavar="ZONE",
        help="zone of times that have none, such as Europe/Berlin (default: UTC)",
    )
    parser.add_argument(
        "--signals",
        default="",
        metavar="auto|all|config|A,B,…",
        help="what to score: auto = every numeric column but ids, positions, headings, counters, constants "
        "(default for tables), all = every numeric column, config = the signals of the settings (default for "
        "JSON lines, and for tables with columns that your FLEET_CONFIG names), or names of columns",
    )
    parser.add_argument(
        "--label", metavar="COLUMN", help="column with the ground truth: any value but 0 means anomalous"
    )
    parser.add_argument(
        "--eval-from",
        type=int,
        default=0,
        metavar="N",
        help="exclude the first N events from the comparison with the ground truth",
    )
    parser.add_argument(
        "--scores", type=Path, metavar="OUT.csv", help="also write the scores of every event to this file"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    return parser


if __name__ == "__main__":
    main()
