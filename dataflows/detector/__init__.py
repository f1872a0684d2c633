"""The detector: numpy arrays in, numpy arrays out. It knows nothing of Bytewax, brokers or files."""

from dataflows.detector.detector import Detector
from dataflows.detector.parameters import Parameters
from dataflows.detector.scores import Scores, Status

__all__ = ["Detector", "Parameters", "Scores", "Status"]
