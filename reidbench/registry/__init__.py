"""Discovery: names of components and methods, and the plugins that bring them."""
