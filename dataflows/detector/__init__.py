"""The detector: numpy arrays in, numpy arrays out. It knows nothing of Bytewax, brokers or files."""

from dataflows.detector.circular import Turn
from dataflows.detector.detector import Detector
from dataflows.detector.parameters import Parameters
from dataflows.detector.scores import Scores, Status
from dataflows.detector.signals import Signals

__all__ = ["Detector", "Parameters", "Scores", "Signals", "Status", "Turn"]
