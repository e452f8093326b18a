"""Storage: content keys, files, artifacts and checkpoints."""
