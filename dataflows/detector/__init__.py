"""The detector: numpy arrays in, numpy arrays out. It knows no Bytewax, no broker and no file."""

from dataflows.detector.detector import Detector
from dataflows.detector.scores import Scores, Status

__all__ = ["Detector", "Scores", "Status"]
