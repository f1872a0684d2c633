"""The detector: numpy arrays in, numpy arrays out. It knows nothing of Bytewax, brokers or files."""

from dataflows.detector.detector import Detector
from dataflows.detector.scores import Scores, Status

__all__ = ["Detector", "Scores", "Status"]
