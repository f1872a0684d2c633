"""The Bytewax dataflows: decode, score, record, backtest."""
