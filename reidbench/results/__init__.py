"""Result files, their ranking and comparison. Imports neither torch nor plugins."""
