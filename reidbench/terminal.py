"""A console of rich that shows foreign text without letting it control the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import rich.console
from rich.segment import Segment

from reidbench.errors import shown_lines


class Console(rich.console.Console):
    """Writes control and bidirectional characters of texts as escapes; its own styles stay."""

    def render(self, *args: Any, **kwargs: Any) -> Iterable[Segment]:
        """Yield what is to be printed, its texts escaped."""
        for text, style, control in super().render(*args, **kwargs):
            yield Segment(text if control else shown_lines(text), style, control)
