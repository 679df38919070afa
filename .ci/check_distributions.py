"""Check what the built wheel and sdist contain: the embedded data are in, recordings, weights and caches are not."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

FORBIDDEN = (".npy", ".mat", ".pyc", ".pt", ".pth")
LARGEST = 8 * 1024**2


def main(folder: Path) -> int:
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        inside = {info.filename: info.file_size for info in archive.infolist()}
    with tarfile.open(sdist) as archive:
        source = {member.name.split("/", 1)[-1] for member in archive.getmembers()}
    problems = [f"the wheel holds {name}" for name in inside if name.endswith(FORBIDDEN) or name.startswith("tests/")]
    problems += [
        f"the wheel lacks {name}"
        for name in ("neuroguide/py.typed", "neuroguide/_version.py", "neuroguide/reporting/templates/report.html")
        if name not in inside
    ]
    if not any(name.startswith("neuroguide/_data/") for name in inside):
        problems.append("the wheel lacks the embedded recordings in neuroguide/_data")
    if not any(name.endswith(".toml") and "catalogue" in name for name in inside):
        problems.append("the wheel lacks the catalogue")
    problems += [
        f"the sdist lacks {name}" for name in ("LICENSE", "CITATION.cff", "pyproject.toml") if name not in source
    ]
    if wheel.stat().st_size > LARGEST:
        problems.append(f"the wheel has {wheel.stat().st_size:,} bytes, more than {LARGEST:,}")
    print(f"{wheel.name}: {len(inside)} files, {wheel.stat().st_size / 1e6:.1f} MB; {sdist.name}: {len(source)} files")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
