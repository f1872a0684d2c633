"""The sample scored with the proposed settings, by the decoder and the detector of the live job."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from config.errors import DeadLetterLimitError, RecordingError, SettingsError
from config.settings import load
from dataflows.backtest.report import summary
from dataflows.backtest.run import run
from dataflows.clock import utc
from dataflows.describe.sample import Sample
from dataflows.recordings import RecordingWriter, open_recording


@dataclass(frozen=True, slots=True)
class Trial:
    """What came out.

    Attributes:
        figures: those of the backtest; empty if it failed.
        vehicles: different vehicles.
        span: first and last event time, in words.
        reason: of the first dead letter; empty without one.
        failure: why nothing could be scored; empty if it could.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    vehicles: int = 0
    span: str = ""
    reason: str = ""
    failure: str = ""


def try_out(toml: str, sample: Sample) -> Trial:
    """Score a sample.

    Args:
        toml: the proposed settings.
        sample: what to score.
    """
    with TemporaryDirectory(prefix="describe-") as directory:
        file, messages = Path(directory, "proposed.toml"), Path(directory, "sample.jsonl")
        file.write_text(toml, encoding="utf-8")
        try:
            settings = load(file)
            # A table, too, becomes messages: its rows are decoded with the settings that the job would use.
            with RecordingWriter(messages) as recording:
                recording.write(sample.batch())
            results = run(settings, open_recording(messages))
            figures = summary(results, labelled=False, eval_from=0)
        except (DeadLetterLimitError, RecordingError, SettingsError) as error:
            return Trial(failure=str(error).replace(str(file), "the proposal"))
    times = results.columns["ts"]
    span = f"{utc(int(times.min())):%Y-%m-%d %H:%M:%S} to {utc(int(times.max())):%Y-%m-%d %H:%M:%S} UTC"
    return Trial(figures, len(results.rows_of_vehicles), span, results.first_reason)
