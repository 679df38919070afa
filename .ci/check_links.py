"""Check the links of the built documentation and of the Markdown files, without a network.

Every link inside the site leads to a file and an anchor that exist; no page asks another server for a script, a style,
a font or a picture; every relative link of a Markdown file leads to a file.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

MARKDOWN = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)[^)]*\)")


class Page(HTMLParser):
    """The links, the loaded files and the anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag in ("script", "img", "iframe", "source", "video") and "src" in given:
            self.loaded.append(given["src"])
        elif tag == "link" and given.get("rel") not in ("canonical", "next", "prev") and "href" in given:
            self.loaded.append(given["href"])


def check_site(site: Path) -> list[str]:
    """What is wrong with a built site."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    problems = [] if pages else [f"{site} holds no pages"]
    for path, page in pages.items():
        here = path.relative_to(site)
        problems += [f"{here} loads {url} from another server" for url in page.loaded if urlsplit(url).netloc]
        for url in [*page.links, *page.loaded]:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                continue
            base = site / parts.path.lstrip("/") if parts.path.startswith("/") else path.parent / unquote(parts.path)
            target = path if not parts.path else base.resolve()
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            if path.name == "404.html":  # served from anywhere, so its links are from the root
                continue
            if not target.is_file():
                problems.append(f"{here} links to {url}, which does not exist")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                problems.append(f"{here} links to {url}, where there is no such anchor")
    for style in site.rglob("*.css"):
        found = re.findall(r"url\(['\"]?(https?:[^)'\"]+)", style.read_text(encoding="utf-8"))
        problems += [f"{style.relative_to(site)} loads {url} from another server" for url in found]
    return problems


def check_markdown(root: Path) -> list[str]:
    """What is wrong with the links of README, changelog and pages, as they are read in the repository."""
    #: Made when the site is built.
    made = {"docs/index.md", "docs/changelog.md", "docs/reference/commands.md", "docs/reference/plot.md"}
    problems = []
    for path in [root / "README.md", root / "CHANGELOG.md", *sorted((root / "docs").rglob("*.md"))]:
        text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in MARKDOWN.findall(re.sub(r"`[^`\n]*`", "", text)):
            full = (path.parent / unquote(target)).resolve()
            if not full.exists() and not (full.is_relative_to(root) and full.relative_to(root).as_posix() in made):
                problems.append(f"{path.relative_to(root)} links to {target}, which does not exist")
    return problems


def main(site: Path) -> int:
    root = Path(__file__).resolve().parents[1]
    problems = check_site(site.resolve()) + check_markdown(root)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(list(site.rglob('*.html')))} pages, {len(problems)} problems with links")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
