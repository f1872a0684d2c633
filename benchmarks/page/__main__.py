"""The command line of the benchmark of the page."""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.page.figures import LONG_ENOUGH, conclusion, figures
from benchmarks.page.measured import PageRun, Plan
from benchmarks.page.report import circumstances, report, table, viewer_table
from benchmarks.page.run import BROKERS, TRACED, measure
from config.errors import exit_on_error
from scripts.brokers.mosquitto import mosquitto_is_installed

EXPLANATION = f"""
A broker, the page's server (`streamlit run ui`), a publisher that plays the job (enriched events of simulated
vehicles, and alerts that open and clear), and viewers in one headless Chromium. After a warm-up:

  alert published → painted  a marker, a critical alert with a text of its own, is published at irregular
                             times; a MutationObserver notes its text in the document, and the next animation
                             frame ends the measurement. One that is never shown counts as the latest of all.
  refresh                    from when the page begins to handle the WebSocket message with the marker until
                             that animation frame: reading, rendering and layout, without the server.
  acknowledged → on the      from a click on Acknowledge in the first viewer until the action arrives at an
  topic                      MQTT client of the benchmark. One that never arrives counts as the latest.
  main thread, longest task  time of the tasks of CrRendererMain over wall time, in Chromium's own trace of
                             the first {TRACED:g} s; "computing" is the processor time in it. Messages and
                             bytes are from the same trace. The graphics process is not part of it.
  server                     processor time of its process and the children of that, over wall time.
  memory                     resident memory of these; growth is the slope of the second half.
  JavaScript objects         in use after a garbage collection before and after; in between with garbage.

WebGL is drawn in software. On two cores four pages that draw a map slow each other and the server down, so
only --full of the viewers do; the others are small pages without WebGL, which are sent the same, and run the
same scripts. The growth of memory is judged from {LONG_ENOUGH:g} s on; --warm-up 300 lets the page fill its
history before.

examples:
  python -m benchmarks.page
  python -m benchmarks.page --seconds 600 --warm-up 300 --markers 100
  python -m benchmarks.page --path /alerts --viewers 1 --json
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: status 1 after one line on standard error if something does not start, or ends early.
    """
    options = _parser().parse_args(arguments)
    plan = Plan(
        broker=options.broker,
        path=options.path,
        vehicles=options.vehicles,
        rate=options.rate,
        viewers=options.viewers,
        full=min(options.full, options.viewers),
        warm_up=options.warm_up,
        seconds=options.seconds,
        markers=options.markers,
        clicks=options.clicks,
    )
    # Otherwise everything that was started would go on.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with exit_on_error("benchmarks.page"):
        found = run(plan, Console(stderr=True))
    if options.json:
        print(json.dumps(report(found), indent=1))
        return
    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    console.print(circumstances(found))
    console.print(table(figures(found)))
    console.print(viewer_table(found))
    console.print(conclusion(figures(found)))


def run(plan: Plan, notes: Console) -> PageRun:
    """Measure, with a progress bar on `notes`.

    Raises:
        FleetError: something does not start, or ends early.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True, refresh_per_second=2) as progress:
        task = progress.add_task("starting", total=1.0)
        return measure(plan, lambda what, share: progress.update(task, description=what, completed=share))


def _whole(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number ≥ {least}, got {text!r}")
        return int(text)

    return parse


def _number(least: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not least <= number < math.inf:
            raise argparse.ArgumentTypeError(f"expected a number ≥ {least:g}, got {text!r}")
        return number

    return parse


def _path(text: str) -> str:
    if not text.startswith("/"):
        raise argparse.ArgumentTypeError(f"expected a path such as /alerts, got {text!r}")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.page",
        description="Measure what the page costs, and how soon it shows an alert.",
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--broker",
        choices=list(BROKERS),
        default="mosquitto" if mosquitto_is_installed() else "embedded",
        help="(default: %(default)s)",
    )
    parser.add_argument(
        "--path", type=_path, default="/", help="of the page that viewers look at (default: %(default)s)"
    )
    parser.add_argument(
        "--vehicles", type=_whole(1), default=1_000, metavar="N", help="(default: %(default)d)"
    )
    parser.add_argument(
        "--rate",
        "--hz",
        type=_number(0.01),
        default=1.0,
        metavar="HZ",
        help="events per second of each vehicle (default: %(default)g)",
    )
    parser.add_argument("--viewers", type=_whole(1), default=4, metavar="N", help="(default: %(default)d)")
    parser.add_argument(
        "--full",
        type=_whole(0),
        default=1,
        metavar="N",
        help="viewers in a large window with maps (default: %(default)d)",
    )
    parser.add_argument(
        "--warm-up",
        type=_number(0),
        default=20.0,
        metavar="S",
        help="seconds before measuring (default: %(default)g)",
    )
    parser.add_argument(
        "--seconds",
        type=_number(10),
        default=60.0,
        metavar="S",
        help="of the measurement (default: %(default)g)",
    )
    parser.add_argument(
        "--markers",
        type=_whole(1),
        default=30,
        metavar="N",
        help="alerts to time (default: %(default)d)",
    )
    parser.add_argument(
        "--clicks",
        type=_whole(1),
        default=10,
        metavar="N",
        help="alerts to acknowledge (default: %(default)d)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser


if __name__ == "__main__":
    main()
