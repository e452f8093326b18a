"""Benchmarks, recipes, and the way from names to a recipe. Imports no torch."""
