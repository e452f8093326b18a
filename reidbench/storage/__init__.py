"""What is kept: content keys, files, artifacts and checkpoints."""
