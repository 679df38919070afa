"""Every public plot against a stored picture.

Letters differ a little between versions of matplotlib, so the pictures are compared only under the minor version that
drew them, which ``baseline/MATPLOTLIB`` states. To draw them anew, after looking at what changed::

    pytest tests/plot/test_plot_images.py --mpl-generate-path=tests/plot/baseline
    python -c "import matplotlib; print(matplotlib.__version__)" > tests/plot/baseline/MATPLOTLIB
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from neuroguide import plot

pytest.importorskip("pytest_mpl", reason="pytest-mpl is not installed (extra test)")

SHEET = Path(__file__).parents[2] / "benchmarks" / "contact_sheet.py"
BASELINE = Path(__file__).parent / "baseline"
DRAWN_BY = (BASELINE / "MATPLOTLIB").read_text().strip()

#: Pictures of the contact sheet: at least one of each public plot.
NAMES = [
    "architecture", "architectures_few", "budget", "cell", "cells", "comparison_arrows", "comparison_bars",
    "comparison_letters", "comparisons", "embedding_mds", "embedding_plain", "embedding_thumbnails", "guides",
    "hourglass", "importance", "importances", "operation_probabilities", "profile_no_ceiling", "profile_one_region",
    "profile_two_regions", "profiles_by_model", "rdm_simulated_categories", "rdm_thumbnails", "rdms_six", "search",
    "shepard", "site_histogram", "sites", "temporal_generalisation", "time_course", "time_course_sites",
]  # fmt: skip
#: Public names that draw nothing by themselves.
NO_PICTURES = {"embed", "save", "style"}


def minor(version):
    return ".".join(version.split(".")[:2])


@pytest.fixture(scope="module")
def gallery():
    sys.path.insert(0, str(SHEET.parent))  # as for the script itself
    return importlib.import_module("contact_sheet").gallery()


@pytest.mark.skipif(
    minor(mpl.__version__) != minor(DRAWN_BY),
    reason=f"the stored pictures are of matplotlib {minor(DRAWN_BY)}, this is {mpl.__version__}",
)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.mpl_image_compare(
    baseline_dir="baseline", style="default", tolerance=4, savefig_kwargs={"dpi": 50, "bbox_inches": "tight"}
)
def test_picture(name, gallery):
    axes = gallery[name]()
    return (axes.flat[0] if isinstance(axes, np.ndarray) else axes).figure


def test_every_public_plot_is_on_the_contact_sheet_and_has_a_stored_picture(gallery, monkeypatch):
    text = SHEET.read_text()
    public = set(plot.__all__) - NO_PICTURES
    assert public == set(re.findall(r"plot\.(\w+)\(", text)) - NO_PICTURES
    stored = {path.stem.removeprefix("test_picture_") for path in BASELINE.glob("*.png")}
    assert stored == set(NAMES)
    assert set(NAMES) <= set(gallery)
    lines = dict(re.findall(r'"(\w+)": lambda: plot\.(\w+)\(', re.sub(r"\(\s+", "(", text)))
    assert {lines[name] for name in NAMES} == public
    assert sum(path.stat().st_size for path in BASELINE.glob("*.png")) < 1_500_000


@pytest.mark.parametrize("name", ["rdm_thumbnails", "sites", "temporal_generalisation", "cells", "architectures_few"])
def test_vector_files_hold_text_and_no_rasterised_axes(name, gallery, tmp_path):
    axes = gallery[name]()
    svg = plot.save(axes, tmp_path / "a.svg").read_text()
    assert "<text" in svg
    # pictures of stimuli, matrices and colour scales may be images; whole axes may not
    first = axes.flat[0] if isinstance(axes, np.ndarray) else axes
    assert not any(ax.get_rasterized() for ax in first.figure.axes)
    pdf = plot.save(axes, tmp_path / "a.pdf").read_bytes()
    assert b"/Type3" not in pdf
    plt.close("all")
