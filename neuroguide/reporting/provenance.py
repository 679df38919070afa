"""Where the numbers of a report come from: recordings, their files and licences, versions."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from neuroguide._core import catalog
from neuroguide._version import __version__
from neuroguide.reporting.page import Group

#: What is said of a recording, by the name of its attribute.
_ABOUT = {
    "identifier": "Recording",
    "recording_identifier": "Recording",
    "recording_kind": "Kind",
    "source": "Source",
    "licence": "Licence",
    "citation": "Citation",
    "stimulus_set_identifier": "Stimuli",
    "n_stimuli": "Number of stimuli",
    "degrees": "Size of the stimuli (degrees)",
    "n_sites": "Sites",
    "sites_per_animal": "Sites per animal",
    "repetitions": "Repetitions",
    "time_window": "Time window",
    "units": "Units",
    "inclusion": "Sites were included by",
    "ceiling_kind": "Noise ceiling",
    "no_ceiling": "No noise ceiling",
}


def recording_group(title: str, attrs: Mapping[str, Any]) -> Group:
    """What the attributes say of a recording, whether it is simulated, and the checksums of its catalogued files."""
    facts = [
        (label, text(attrs[name])) for name, label in _ABOUT.items() if str(attrs.get(name, "")) not in ("", "unknown")
    ]
    missing = [label for name, label in _ABOUT.items() if attrs.get(name) == "unknown"]
    facts.insert(1, ("Origin", "simulated: no animal was recorded" if attrs.get("simulated") else "recorded"))
    if missing:
        facts.append(("Unknown", ", ".join(missing)))
    return Group(title, [*facts, *checksums(str(attrs.get("identifier", attrs.get("recording_identifier", ""))))])


def checksums(identifier: str) -> list[tuple[str, str]]:
    """The files that a catalogued recording is read from, each with its checksum; none for others."""
    name, _, part = identifier.partition(":")
    if name not in catalog.entries():
        return []
    entry = catalog.entry(name)
    wanted = next((variant.paths for variant in entry.variants if variant.name == part), None)
    files = [file for file in entry.files if wanted is None or file.path in wanted]
    return [(f"File {file.path}", file.checksum) for file in files]


def file_checksum(path: Path) -> str:
    """SHA-256 of a file, with the name of the algorithm."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def made_now() -> list[tuple[str, str]]:
    """When and with what the report was made."""
    here = {"neuroguide": __version__, "Python": platform.python_version(), "matplotlib": version("matplotlib")}
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return [("Report made", now), ("With", ", ".join(f"{name} {number}" for name, number in here.items()))]


def text(value: Any) -> str:
    """A setting as people write it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {text(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(text, value))
    if isinstance(value, int) and abs(value) >= 10_000:
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)
