"""Features of a dataset by anybody's model."""
