"""The segmenters that come with the core; none makes masks before it is asked to."""
