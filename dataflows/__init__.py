"""The Bytewax dataflows: decode, score, record, backtest."""

from config.extras import explain_missing_packages

explain_missing_packages()
