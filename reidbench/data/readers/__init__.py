"""One reader a dataset, and the parts that readers share. Imports no torch."""
