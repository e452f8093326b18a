"""Small stand-ins for the parts of a run, for the tests of plugins."""
