"""From a sample of somebody's telemetry to the settings that read it: ``python -m dataflows.describe FILE``.

    sample ──► layout ──► vehicle, time ──► roles ──► TOML ──► trial
               records                      signals

`propose` looks at a `Sample` and returns a `Proposal`; `toml_of` writes that as a file of settings with a
comment for every line. Nothing here changes how telemetry is read: what is proposed can be typed by hand.
"""

from dataflows.describe.proposal import Proposal, propose
from dataflows.describe.render import toml_of
from dataflows.describe.sample import Sample

__all__ = ["Proposal", "Sample", "propose", "toml_of"]
