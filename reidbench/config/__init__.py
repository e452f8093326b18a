"""What is run: benchmarks, recipes and how names become one. Imports no torch."""
