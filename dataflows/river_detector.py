"""The import path of `ReconstructionDetector` that the documentation has always named."""

from dataflows.score.river.estimator import ReconstructionDetector

__all__ = ["ReconstructionDetector"]
