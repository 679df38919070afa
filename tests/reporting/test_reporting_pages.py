"""What is in a report, that it is one file of bounded size, and that no name in it becomes markup."""

from __future__ import annotations

import json
import re
import shlex
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import neuroguide as ng
from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide.cli import main
from neuroguide.nas.run import open_run
from neuroguide.reporting.cards import DRAWINGS, architecture_tables
from neuroguide.reporting.matrices import SIDE, picture
from neuroguide.reporting.references import bibtex

#: Attributes by which a page asks for something.
LOADS = {"src", "srcset", "poster", "data", "action", "background", "xlink:href", "href"}


class Tags(HTMLParser):
    """Every tag with its attributes, and the text of each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in names]


def check_page(path: Path) -> Tags:
    """What holds for every report."""
    html = path.read_text(encoding="utf-8")
    assert len(html.encode()) < 5_000_000
    tags = Tags(html)
    ids = [attributes["id"] for _, attributes in tags.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    loads = [value for _, attributes in tags.found for name, value in attributes.items() if name in LOADS]
    assert all(value.startswith(("#", "data:image/")) for value in loads), loads
    assert {value[1:] for value in loads if value.startswith("#")} <= set(ids)
    assert not re.search(r"@import|url\((?!#)", html)
    assert not tags.of("link", "iframe", "object", "embed", "base")
    for region in ("header", "nav", "main", "footer"):
        assert len(tags.of(region)) == 1
    assert all(image.get("alt") for image in tags.of("img"))
    assert all(svg.get("aria-label") for svg in tags.of("svg"))
    assert not any(name.startswith("on") for _, attributes in tags.found for name in attributes)
    return tags


def test_a_report_of_scores_is_one_file_without_markup_from_names(scores_page: Path, hostile: str) -> None:
    tags = check_page(scores_page)
    html = scores_page.read_text(encoding="utf-8")
    assert len(tags.of("script")) == 1
    assert "<img" not in html
    assert "window.hacked=1&lt;/script&gt;" in html
    assert hostile not in html
    assert html.count("<svg") == 1


def test_a_report_of_scores_says_where_they_come_from(scores_page: Path) -> None:
    html = scores_page.read_text(encoding="utf-8")
    assert html.index("Simulated data.") < html.index("<main>")
    for said in (
        "V4: most similar is layer", "30 sites in V4", "biased upwards", "95% bootstrap intervals from 200 samples",
        "neuroguide score", "--bootstrap 200", "sha256:06f21214", "kriegeskorte2008rsa", "schutt2023inference",
        "doi       = {10.1000/182}",
    ):  # fmt: skip
        assert said in html, said


def test_the_table_has_a_row_for_each_layer_and_region(scores: xr.Dataset, scores_page: Path) -> None:
    html = scores_page.read_text(encoding="utf-8")
    board = html[html.index('id="board"') :]
    rows = re.findall(r"<tr>(<td.*?)</tr>", board[: board.index("</table>")])
    assert len(rows) == 10
    keys = [float(re.findall(r'data-key="([\d.]+)"', row)[0]) for row in rows]
    assert keys == sorted(scores["similarity"].values.ravel().tolist(), reverse=True)
    assert board.count('aria-sort="none"><button type="button">') == board[: board.index("<tbody>")].count("<th ")


def test_recorded_data_are_not_called_simulated(scores: xr.Dataset, tmp_path: Path) -> None:
    html = ng.report(scores.assign_attrs(simulated=0), tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Simulated data." not in html
    assert "(recorded)" in html


@pytest.mark.parametrize("kind", ["time_bin", "neuroid", "model"])
def test_scores_of_other_dims_have_a_report(scores: xr.Dataset, tmp_path: Path, kind: str) -> None:
    plain = scores[["similarity"]].assign_coords(layer=[f"stage{i}" for i in range(5)], region=["V4", "IT"])
    if kind == "time_bin":
        bins = {"time_bin_start": ("time_bin", [0.0, 50.0]), "time_bin_end": ("time_bin", [50.0, 100.0])}
        other = xr.concat([plain, plain * 0.5], "time_bin", combine_attrs="override").assign_coords(bins)
    elif kind == "neuroid":
        other = plain.rename(region="neuroid").assign_coords(neuroid_id=("neuroid", ["a", "b"])).drop_vars("neuroid")
    else:
        other = plain.max("layer", keep_attrs=True).expand_dims(model=["a", "b"])
    check_page(ng.report(other.assign_attrs(scores.attrs, no_ceiling="none"), tmp_path / "r.html"))


def test_rdms_of_all_layers_are_shown_by_request(tmp_path: Path) -> None:
    scores = ng.score("pixels", "virtual")
    path = ng.report(scores, tmp_path / "r.html", rdms=True)
    tags = check_page(path)
    assert len(tags.of("img")) == scores.sizes["layer"] + scores.sizes["region"]
    html = path.read_text(encoding="utf-8")
    names = json.loads(re.search(r'<script type="application/json" id="stimuli">(.*?)</script>', html)[1])
    assert len(names) == scores.attrs["n_stimuli"]
    with pytest.raises(InputError, match="not of 'pixels"):
        ng.report(scores.assign_attrs(model_identifier="another"), tmp_path / "r.html", rdms=True)
    with pytest.raises(OptionError, match="leave rdms out"):
        ng.report(scores.assign_attrs(metric="cka"), tmp_path / "r.html", rdms=True)


def test_a_picture_of_an_rdm_shows_ranks_and_stays_small() -> None:
    import base64
    import io

    from PIL import Image

    square = np.array([[0.0, 1, 5], [1, 0, 9], [5, 9, 0]])
    image = Image.open(io.BytesIO(base64.b64decode(picture(square).partition(",")[2])))
    shades = np.asarray(image)
    assert shades[0, 1] == shades[1, 0] < shades[0, 2] < shades[1, 2]
    assert (np.diag(shades) == 255).all()
    points = np.random.default_rng(0).normal(size=(401, 3))
    large = picture(np.linalg.norm(points[:, None] - points, axis=-1))
    assert Image.open(io.BytesIO(base64.b64decode(large.partition(",")[2]))).width <= SIDE


def test_a_report_of_a_run_has_every_trial_and_a_card_for_each_candidate(run_page: Path, run_folder: Path) -> None:
    tags = check_page(run_page)
    html = run_page.read_text(encoding="utf-8")
    table = open_run(run_folder).leaderboard()
    candidates = table[table["kind"] == "candidate"]
    cards = [card["id"] for card in tags.of("details")]
    assert cards == [f"trial-{trial}" for trial in candidates["trial"]]
    assert f"The best is trial {candidates['trial'].iloc[0]}" in html
    assert f"{(table['reason'] != '').sum()} failed" in html
    assert html.count("drawn; its tables") == (candidates["reason"] == "").sum() <= DRAWINGS
    for said in (
        "12 of 12 trials",
        "--repeat",
        "bashivan2019teacher",
        "real2019evolution",
        "Checksum of study.journal",
    ):
        assert (said in html) == (said != "bashivan2019teacher"), said


def test_hostile_results_of_a_run_stay_text(run_folder: Path, tmp_path: Path, hostile: str) -> None:
    run = open_run(run_folder)
    run.settings["guide"]["name"] = hostile
    about = {"identifier": hostile, "citation": hostile, "simulated": 1, "n_sites": 3}
    run.settings["guide"]["spec"] = {"teacher": {"layers": [{"name": hostile, "about": about}]}}
    for result in run.results.values():
        result["measures"][f"similarity/{hostile}"] = 0.5
        result["architecture"][hostile] = hostile
        result["reason"] = hostile
    path = ng.report(run, tmp_path / "r.html")
    tags = check_page(path)
    assert len(tags.of("script")) == 1
    assert "Simulated data." in path.read_text(encoding="utf-8")


def test_architectures_become_tables() -> None:
    half = {"input": 0, "operation": "identity"}
    cell = {"blocks": [{"first": half, "second": {"input": 2, "operation": "conv"}}], "concat": "all"}
    settings, both = architecture_tables({"filters": 8, "normal": cell, "reduction": cell})
    assert [[each.text for each in row] for row in settings.rows] == [["filters", "8"]]
    assert [each.text for each in both.rows[0]] == ["1", "identity of the cell before the previous", "conv of block 1"]
    (stages,) = architecture_tables({"stages": [{"depth": 2, "skip": "add"}, {"depth": 3}]})
    assert [[each.text for each in row] for row in stages.rows] == [["1", "2", "add"], ["2", "3", ""]]


def test_references_are_bibtex() -> None:
    entries = bibtex(["rsa", "unknown"], ["A & B (1999). T} \\input{x}. doi:10.1/2.", ""])
    assert [entry.partition("{")[0] for entry in entries] == ["@software", "@article", "@misc"]
    for entry in entries:
        assert entry.count("{") == entry.count("}")
        assert "\\input" not in entry


def test_what_has_no_report_is_refused_in_a_sentence(scores: xr.Dataset, run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a report is of scores or a run"):
        ng.report(3, tmp_path / "r.html")
    with pytest.raises(InputError, match="holds no scores"):
        ng.report(xr.Dataset({"similarity": 1.0}), tmp_path / "r.html")
    with pytest.raises(FileError):
        ng.report(tmp_path / "nothing.nc", tmp_path / "r.html")
    with pytest.raises(FileError):
        ng.report(tmp_path, tmp_path / "r.html")
    with pytest.raises(OptionError, match="leave rdms out"):
        ng.report(run_folder, tmp_path / "r.html", rdms=True)
    assert not (tmp_path / "r.html").exists()


def test_the_command_writes_what_the_function_writes(scores: xr.Dataset, tmp_path: Path) -> None:
    file = ng.write_scores(scores, tmp_path / "scores.nc")
    assert main(["report", str(file), "--out", str(tmp_path / "r.html"), "--quiet"]) == 0
    assert "Scores file" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert main(["report", str(tmp_path / "nothing"), "--quiet"]) == 2


def test_the_page_of_compared_models_says_how_to_compare_them_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--recording", "virtual", "--comparison", "spearman", "--bootstrap", "200", "--seed", "3"]
    assert main(["compare", "pixels", "luminance-contrast", *options, "--out", "first.nc", "--quiet"]) == 0
    assert main(["report", "first.nc", "--out", "page.html"]) == 0
    line = re.search(r"neuroguide compare [^<]+", (tmp_path / "page.html").read_text())
    assert line is not None
    assert main([*shlex.split(unescape(line[0]))[1:], "--quiet"]) == 0
    xr.testing.assert_equal(ng.open_scores(tmp_path / "scores.nc"), ng.open_scores(tmp_path / "first.nc"))
