"""Static site of results: pages of HTML that open from a folder, without server or network."""
