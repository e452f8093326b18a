"""Datasets, decoded-image arrays and the synthetic renderer."""
