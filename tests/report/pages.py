"""Pages of a report as a parser sees them."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

VOID = {"meta", "link", "input", "img", "br", "hr"}


class Page(HTMLParser):
    """Everything of a page that the tests ask for.

    Attributes:
        links: of ``href`` and ``src``, without those to a place in the page itself.
        unclosed: tags that do not match.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unclosed: list[str] = []
        self.text: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        self.unclosed += self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unclosed.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]

    @property
    def ids(self) -> Counter[str | None]:
        return Counter(a["id"] for _, a in self.tags if "id" in a)

    @property
    def links(self) -> list[str]:
        told = [a.get(name) for _, a in self.tags for name in ("href", "src")]
        return [link for link in told if link]

    def target(self, link: str) -> tuple[Path, str]:
        """Return the file and the place in it that a link leads to."""
        parts = urlsplit(link)
        file = (self.path.parent / unquote(parts.path)).resolve() if parts.path else self.path
        return file, unquote(parts.fragment)
