"""Studies: a table or figure of a paper as a list of runs, and what it became."""
