"""A sweep as one graph of distinct stages, and the order in which they are computed."""

from reidbench.schedule.frontier import Frontier
from reidbench.schedule.graph import Graph, Node, Row
from reidbench.schedule.simulation import Simulated, simulate

__all__ = ["Frontier", "Graph", "Node", "Row", "Simulated", "simulate"]
