"""reidbench: a plugin-based benchmark for cross-domain person re-identification by translation."""

__version__ = "0.1.0"
