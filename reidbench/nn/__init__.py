"""Network parts that more than one plugin uses."""
