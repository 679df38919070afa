"""Reports in headless Chromium: sort, filter, hover, click, keyboard, no error, no request, accessible."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import neuroguide as ng
from neuroguide.nas.guides import Combined, Teacher

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; skips, with the reason, where it or what drives it is missing."""
    reason = 'playwright is not here: pip install ".[browser-tests]"'
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    pytest.importorskip("axe_playwright_python.sync_playwright", reason=reason)
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not here: install it, e.g. by `apt-get install chromium`")
    # Chromium refuses to sandbox for root, who runs it in containers
    options = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=program, args=options)
        yield opened
        opened.close()


@pytest.fixture
def show(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a file; in the end there was no error in the console, and nothing was asked of a server."""
    complaints: list[str] = []
    asked: list[str] = []
    contexts = []

    def opening(path: Path, **options: Any) -> Any:
        contexts.append(browser.new_context(viewport={"width": 1200, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield opening
    for context in contexts:
        context.close()
    assert complaints == []
    assert all(url.startswith(("file:", "data:")) for url in asked)


def column(page: Any, label: str) -> list[str]:
    """The texts of a column, of the rows that are shown."""
    heads = [text.strip() for text in page.locator("#board thead th").all_inner_texts()]
    place = [head.split("\n")[0].strip() for head in heads].index(label) + 1
    return page.locator(f"#board tbody tr:not([hidden]) td:nth-child({place})").all_inner_texts()


def axe(page: Any) -> list[str]:
    """Serious and critical findings of axe-core."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in ("serious", "critical")
    ]


def test_the_leaderboard_is_sorted_by_mouse_and_keyboard(show: Callable[..., Any], run_page: Path) -> None:
    page = show(run_page)
    head = page.get_by_role("columnheader", name="Trial", exact=False).first
    button = head.get_by_role("button")
    button.click()
    assert head.get_attribute("aria-sort") == "descending"
    trials = [int(text) for text in column(page, "Trial") if text]
    assert trials == sorted(trials, reverse=True)
    button.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    trials = [int(text) for text in column(page, "Trial") if text]
    assert trials == sorted(trials)
    assert column(page, "Trial")[-1] == ""  # the reference has no number
    values = page.get_by_role("columnheader", name="Value").get_by_role("button")
    values.click()
    assert page.locator("#board th[aria-sort=descending]").count() == 1
    floats = [float(text) for text in column(page, "Value")]
    assert floats == sorted(floats, reverse=True)


def test_rows_are_filtered_by_all_words(show: Callable[..., Any], run_page: Path) -> None:
    page = show(run_page)
    total = page.locator("#board tbody tr").count()
    page.get_by_label("Filter rows").fill("REFERENCE")
    assert column(page, "Kind") == ["reference"]
    assert page.locator("#shown").inner_text() == f"1 of {total} rows"
    page.get_by_label("Filter rows").fill("reference candidate")
    assert column(page, "Kind") == []
    page.get_by_label("Filter rows").fill("")
    assert page.locator("#shown").inner_text() == f"{total} of {total} rows"


def test_points_have_names_and_lead_to_cards(show: Callable[..., Any], run_page: Path) -> None:
    page = show(run_page)
    spot = page.locator("#guides .spot[data-card]").last
    card = spot.get_attribute("data-card")
    spot.hover(force=True)
    tip = page.get_by_role("tooltip")
    assert tip.is_visible()
    assert tip.inner_text().startswith("Trial ")
    spot.dispatch_event("click")
    page.wait_for_function("name => document.getElementById(name).open", arg=card)


def test_every_spot_lies_on_its_point(show: Callable[..., Any], run_page: Path) -> None:
    page = show(run_page)
    # matplotlib's own marks are `use` elements in the group of the scatter; the middle of each has a spot
    far = page.evaluate(
        """() => {
          const middle = (e) => { const b = e.getBoundingClientRect();
            return [b.x + b.width / 2, b.y + b.height / 2]; };
          const points = [...document.querySelectorAll('#guides [id*=candidates] use')].map(middle);
          const spots = [...document.querySelectorAll('#guides .spot')].map(middle);
          return Math.max(...spots.map((s) => Math.min(...points.map((p) => Math.hypot(p[0] - s[0], p[1] - s[1])))));
        }"""
    )
    assert far < 2


def test_a_layer_is_chosen_in_the_profile_or_by_the_keyboard(show: Callable[..., Any], tmp_path: Path) -> None:
    page = show(ng.report(ng.score("pixels", "virtual"), tmp_path / "r.html", rdms=True))
    spots = page.locator("#profile .spot")
    spots.first.hover(force=True)
    name = spots.first.get_attribute("data-layer")
    assert page.get_by_role("tooltip").inner_text().startswith(f"{name}: ")
    spots.first.dispatch_event("click")
    shown = page.locator(".matrix[data-of]:not([hidden])")
    assert shown.count() == 1
    assert shown.get_attribute("data-of") == name == page.get_by_label("Layer", exact=True).input_value()
    page.locator(".matrix img").last.hover()
    assert " × " in page.get_by_role("tooltip").inner_text()


def test_no_name_is_run_as_a_script(show: Callable[..., Any], scores_page: Path, hostile: str) -> None:
    page = show(scores_page)
    assert page.evaluate("window.hacked") is None
    assert any(hostile in text for text in column(page, "Layer"))
    page.locator("#profile .spot").last.hover(force=True)
    assert hostile in page.get_by_role("tooltip").inner_text()
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(show: Callable[..., Any], run_page: Path, scores_page: Path, scheme: str) -> None:
    for path in (run_page, scores_page):
        # the policy of the page forbids the script that axe adds
        assert axe(show(path, color_scheme=scheme, bypass_csp=True)) == []


def test_nothing_is_wider_than_a_telephone(show: Callable[..., Any], run_page: Path) -> None:
    page = show(run_page)
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_print_opens_the_cards_and_is_light(show: Callable[..., Any], run_page: Path) -> None:
    page = show(run_page, color_scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(26, 26, 26)"
    assert not page.locator("nav").is_visible()


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory, neuroguide_home: Path) -> dict[str, Path]:
    """The report of a trained network's scores (92 images) and of a search guided by macaque V4 and IT."""
    pytest.importorskip("efficientnet_lite_pytorch", reason="the trained network is not installed (extra test)")
    folder = tmp_path_factory.mktemp("recorded")
    network = f"{Path(__file__).parents[2] / 'benchmarks' / 'efficientnet_lite0.py'}:make"
    layers = ["blocks.2", "blocks.6", "blocks.10", "blocks.13", "head"]
    scores = ng.score(network, "kriegeskorte2008", layers=layers, bootstrap=200, given=["pixels"])
    scored = ng.report(ng.write_scores(scores, folder / "scores.nc"), folder / "scores.html", rdms=True)
    v4 = Teacher("cowley2023:210325", n_stimuli=40, name="V4")
    it = Teacher("kriegeskorte2008", ["monkey IT"], name="monkey IT")
    run = ng.search(
        "macro", Combined([v4, it]), data="cifar10", trials=4, images=250, training={"validation_images": 250},
        sampler="random", executor="inline", run=folder / "run",
    )  # fmt: skip
    return {"scores": scored, "search": ng.report(run, folder / "search.html")}


@pytest.mark.real
@pytest.mark.parametrize("which", ["scores", "search"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_reports_of_recorded_data(show: Callable[..., Any], recorded: dict[str, Path], which: str, scheme: str) -> None:
    page = show(recorded[which], color_scheme=scheme, bypass_csp=True)
    assert recorded[which].stat().st_size < 5_000_000
    assert "Simulated data." not in page.inner_text("body")
    assert "10.1016/j.neuron.2008.10.043" in page.inner_text("#references")
    assert "sha256:06f21214" in page.inner_text("#provenance")
    assert axe(page) == []


@pytest.mark.real
def test_a_trained_network_beside_monkey_it(show: Callable[..., Any], recorded: dict[str, Path]) -> None:
    page = show(recorded["scores"])
    assert "monkey IT: most similar is layer" in page.inner_text("#summary")
    spot = page.locator("#profile .spot[data-layer='blocks.2']")
    spot.hover(force=True)
    assert page.get_by_role("tooltip").inner_text().startswith("blocks.2: monkey IT 0.")
    spot.dispatch_event("click")
    assert page.locator(".matrix[data-of]:not([hidden])").get_attribute("data-of") == "blocks.2"
    assert page.locator(".matrix:not([hidden]) img").count() == 3  # the layer, monkey IT and human IT
    assert "--layers blocks.2,blocks.6" in page.inner_text("#repeat")
    page.get_by_label("Filter rows").fill("monkey head")
    assert column(page, "Layer") == ["head"]


@pytest.mark.real
def test_a_search_guided_by_v4_and_it(show: Callable[..., Any], recorded: dict[str, Path]) -> None:
    page = show(recorded["search"])
    assert "4 of 4 trials of the space macro" in page.inner_text("#summary")
    board = page.locator("#board thead").inner_text()
    assert "Like V4" in board
    assert "Like monkey IT" in board
    page.get_by_role("columnheader", name="Like V4").get_by_role("button").click()
    similar = [float(text) for text in column(page, "Like V4")]
    assert similar == sorted(similar, reverse=True)
    assert page.locator("details svg").count() == 4  # a drawing on every card
    assert "10.1101/2023.11.22.568315" in page.inner_text("#references")
