"""The functions of the public API; ``import reidbench`` offers them all."""
