"""One module a verb; each parses options and prints, and nothing else."""
