"""Figures drawn from result files alone: neither torch nor plugins are needed."""
