"""Measures of speed on one device, each against the plain loop, in turns in one process."""
