"""Pedestrians rendered from a seed: the same bytes on every machine."""

from reidbench.data.synthetic.dataset import Synthetic

__all__ = ["Synthetic"]
