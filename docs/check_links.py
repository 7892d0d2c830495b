"""Every internal link and anchor of the built pages leads somewhere: ``check_links.py FOLDER``.

Links to other sites are not followed: the check needs no network.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LINKS = ("href", "src", "data-src", "action")


class Page(HTMLParser):
    """The links of a page, with their lines, and its anchors."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: list[tuple[int, str]] = []
        self.anchors = {"", "top"}  # which every page has
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        given = {name: value for name, value in attrs if value is not None}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        line = self.getpos()[0]
        self.links += [(line, given[name]) for name in LINKS if name in given]
        sources = given.get("srcset", "").split(",")
        self.links += [(line, source.split()[0]) for source in sources if source.strip()]


def broken_links(folder: Path) -> list[str]:
    """One line for each link that leads nowhere."""
    folder = folder.resolve()
    found = sorted(folder.rglob("*.html"))
    pages = {path: Page(path) for path in found if "_static" not in path.parts}  # the theme's
    if not pages:
        return [f"{folder}: no pages"]
    broken = []
    for path, page in pages.items():
        for line, link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            where = f"{path.relative_to(folder)}:{line}: {link}"
            if not target.is_relative_to(folder) or not target.exists():
                broken.append(f"{where}: no such file")
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
                broken.append(f"{where}: no such anchor")
    return broken


if __name__ == "__main__":
    found = broken_links(Path(sys.argv[1]))
    print("\n".join(found) or "all internal links lead somewhere")
    sys.exit(bool(found))
