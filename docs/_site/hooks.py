"""What the site has beside the pages in docs/: README, changelog, notebooks, every command's help, every picture.

A block of Python that is one line, ``# docs/examples/score.py``, becomes that file. Links from a page to a file outside
docs/ (a benchmark, a module) lead to a copy of it in the site's folder ``source``.
"""

from __future__ import annotations

import base64
import json
import os
import posixpath
import re
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

from neuroguide import plot
from neuroguide.cli.commands import app

ROOT = Path(__file__).resolve().parents[2]

#: A Markdown link or picture to something that is not on the web: (before, target, after).
LINK = re.compile(r"(\]\()(?![a-z]+:|#)([^)\s]+)(\))")

#: A block that stands for a file.
EXAMPLE = re.compile(r"^```python\n# (docs/examples/\w+\.py)\n```$", re.MULTILINE)

#: Why an example is not run.
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\n")

#: Sphinx's roles, which docstrings have, around what is code already.
ROLE = re.compile(r":(?:func|class|meth|data|mod|attr|exc):<code>~?([^<]+)</code>")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the notebooks into the navigation."""
    for part in config.nav or []:
        if "Tutorials" in part:
            part["Tutorials"] = [{_title(path): f"tutorials/{path.stem}.md"} for path in _notebooks()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are generated."""
    pages = {
        "index.md": _moved(ROOT / "README.md", ROOT / "docs"),
        "changelog.md": _moved(ROOT / "CHANGELOG.md", ROOT / "docs"),
        "reference/commands.md": commands(),
        "reference/plot.md": pictures(),
    }
    pages |= {f"tutorials/{path.stem}.md": _notebook(path, files, config) for path in _notebooks()}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text, inclusion=InclusionLevel.INCLUDED))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put examples in, and lead links out of docs/ to copies."""
    markdown = EXAMPLE.sub(lambda match: f"```python\n{_source(ROOT / match[1])}\n```", markdown)
    markdown = NOT_RUN.sub(r"<small>Not run in our tests: \1.</small>\n\n", markdown)
    here = posixpath.dirname(page.file.src_uri)

    def lead(match: re.Match[str]) -> str:
        before, target, after = match.groups()
        path, hash_, anchor = target.partition("#")
        full = (ROOT / "docs" / here / path).resolve()
        if not path or not full.is_relative_to(ROOT):
            return match[0]
        if full == ROOT / "notebooks":
            full = ROOT / "docs" / "tutorials" / f"{_notebooks()[0].stem}.md"
        inside = full.is_relative_to(ROOT / "docs")
        if not inside and not full.is_file():
            return match[0]
        name = full.relative_to(ROOT / "docs").as_posix() if inside else f"source/{full.relative_to(ROOT).as_posix()}"
        if not inside and files.get_file_from_path(name) is None:
            files.append(File.generated(config, name, abs_src_path=str(full), inclusion=InclusionLevel.INCLUDED))
        return f"{before}{posixpath.relpath(name, here or '.')}{hash_}{anchor}{after}"

    return LINK.sub(lead, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Take Sphinx's roles out of docstrings."""
    return ROLE.sub(r"<code>\1</code>", html)


def commands() -> str:
    """The page of the command line, from the program itself."""
    group: Any = typer.main.get_command(app)
    parts = [
        "# Commands",
        "Made from the program, which says the same by `neuroguide COMMAND --help`. `--debug`, anywhere, shows the "
        "traceback of an error in place of its sentence; the exit code of bad input is 2.",
    ]
    for name, command in group.commands.items():
        parts += _command(name, command)
    return "\n\n".join(parts) + "\n"


def pictures() -> str:
    """The page of ``ng.plot`` and of reports, from the names that there are."""
    paths = {f"ng.plot.{name}": f"neuroguide.plot.{plot._HOMES[name]}.{name}" for name in plot.__all__}
    paths["ng.report"] = "neuroguide.reporting.writing.report"
    parts = [
        f"::: {path}\n    options:\n      heading: {name}\n      toc_label: {name}\n      heading_level: 2"
        for name, path in paths.items()
    ]
    intro = "`ng.plot` is `neuroguide.plot`; see [Draw and report](../how-to/draw.md)."
    return "\n\n".join(["# Pictures and reports", intro, *parts]) + "\n"


def _command(name: str, command: Any) -> list[str]:
    lines = (command.help or "").replace("Example: ", "\nExample: ").splitlines()
    examples = [line.removeprefix("Example: ").strip() for line in lines if line.startswith("Example: ")]
    prose = "\n".join(line for line in lines if not line.startswith("Example: ")).strip()
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    usage = " ".join([f"neuroguide {name}", *map(_argument, arguments), *(["[OPTIONS]"] if options else [])])
    rows = [f"| `{_argument(p)}` | {_cell(p.help)} | |" for p in arguments] + [_option(p) for p in options]
    table = "\n".join(["| | | default |", "|---|---|---|", *rows])
    return [f"## {name}", prose, "```text\n" + usage + "\n```", "```sh\n" + "\n".join(examples) + "\n```", table]


def _argument(parameter: Any) -> str:
    shown = str(parameter.metavar or parameter.name).upper() + ("..." if parameter.nargs == -1 else "")
    return shown if parameter.required else f"[{shown}]"


def _option(parameter: Any) -> str:
    names = ", ".join(f"`{option}`" for option in [*parameter.opts, *parameter.secondary_opts])
    default = parameter.default
    return f"| {names} | {_cell(parameter.help)} | {'' if default is None or default is False else f'`{default}`'} |"


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("<", "&lt;")


def _source(path: Path) -> str:
    """An example without the comments that are for the formatter."""
    return path.read_text(encoding="utf-8").replace("  # fmt: skip", "").strip()


def _moved(path: Path, folder: Path) -> str:
    """A file's text with its relative links as they are seen from another folder."""
    text = path.read_text(encoding="utf-8")

    def move(match: re.Match[str]) -> str:
        before, target, after = match.groups()
        return f"{before}{Path(os.path.relpath(path.parent / target, folder)).as_posix()}{after}"

    return LINK.sub(move, text)


def _notebooks() -> list[Path]:
    return sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


def _title(path: Path) -> str:
    heading = next((line for cell in _cells(path) for line in _text(cell["source"]).splitlines() if line), path.stem)
    return heading.lstrip("# ")


def _cells(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _notebook(path: Path, files: Files, config: MkDocsConfig) -> str:
    """A notebook as a page: its text, its code, and what it printed and drew."""
    parts = []
    for cell in _cells(path):
        source = re.sub(r"^%.*$", "", _text(cell["source"]), flags=re.MULTILINE).strip()  # without IPython's magic
        if cell["cell_type"] == "markdown":
            parts.append(LINK.sub(lambda m: f"{m[1]}../../notebooks/{m[2]}{m[3]}", source))
        elif source:
            parts.append(f"```python\n{source}\n```")
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                name = f"tutorials/{path.stem}-{len(parts)}.png"
                content = base64.b64decode(_text(data["image/png"]))
                files.append(File.generated(config, name, content=content, inclusion=InclusionLevel.INCLUDED))
                parts.append(f"![What the code above draws]({posixpath.basename(name)})")
            elif "text/plain" in data or "text" in output:
                printed = _text(data.get("text/plain", output.get("text", ""))).rstrip()
                parts.append(f"```text\n{printed}\n```")
    parts.append(f"[The notebook](../../notebooks/{path.name})")
    return "\n\n".join(parts) + "\n"
