"""The page about a search: what it found, what that cost, and what every candidate is."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from neuroguide import plot
from neuroguide.nas.folder import flatten
from neuroguide.nas.hournas import HourNASRun
from neuroguide.nas.retraining import retrained
from neuroguide.nas.run import SearchRun
from neuroguide.reporting.cards import CARDS, DRAWINGS, candidate_card, drawing, own_space
from neuroguide.reporting.drawing import Spot, inline
from neuroguide.reporting.page import Card, Cell, Column, Figure, Group, Page, Table
from neuroguide.reporting.provenance import file_checksum, made_now, recording_group, text
from neuroguide.reporting.references import bibtex
from neuroguide.reporting.scores import number

#: Columns of the leaderboard: what the page calls them, and their digits.
_COLUMNS = {
    "rank": ("Rank", 0), "trial": ("Trial", 0), "rung": ("Rung", 0), "kind": ("Kind", 0), "front": ("Front", 0),
    "value": ("Value", 4), "P": ("P", 4), "TG": ("TG", 4), "parameters": ("Parameters", 0), "macs": ("MACs", 0),
    "flops": ("FLOPs", 0), "image_equivalents": ("Image-equivalents", 0), "seconds": ("Seconds", 1),
    "duplicate_of": ("Same as trial", 0), "reason": ("Failed because", 0),
}  # fmt: skip
_ABOUT = {
    "P": "validation accuracy of the candidate after its short training",
    "TG": "teacher guidance: mean over teacher layers of the highest similarity of any layer",
    "value": "what the guide finds a candidate worth",
    "image_equivalents": "images trained on, and a third of those only passed forward",
}


def search_page(run: SearchRun, *, progress: Callable[[int, int, str], None] | None) -> Page:
    """The page about a run.

    Parameters
    ----------
    run : SearchRun
        Finished or not, of :func:`neuroguide.search` or :func:`neuroguide.hournas`.
    progress : callable, optional
        Called with (done, total, what) while cards are made.
    """
    settings, table = run.settings, run.leaderboard()
    abouts = list(_recordings(settings["guide"].get("spec", {})))
    cards = _cards(run, table, progress)
    plain = {name: value for name, value in flatten(settings).items() if not name.startswith(("guide.spec", "made."))}
    journal = [("Checksum of study.journal", file_checksum(run.folder.journal))] if run.folder.journal.is_file() else []
    count = int((table["kind"] == "candidate").sum())
    return Page(
        title=f"Search {run.path.name}",
        kind="Search",
        simulated=bool(settings["guide"].get("simulated")) or any(about.get("simulated") for about in abouts),
        summary=_summary(run, table),
        board=_board(table, {card.name for card in cards}),
        figures=_figures(run, table, {card.name for card in cards}),
        cards=cards,
        cards_note=f"The best {len(cards)} of {count} candidates." if count > len(cards) else "",
        methods=_methods(settings, abouts),
        provenance=[
            *(recording_group(f"Teacher layer {about['layer']}", about) for about in abouts),
            Group("Settings", [(name, text(value)) for name, value in plain.items()]),
            Group("Made with", [*((name, text(value)) for name, value in settings.get("made", {}).items()), *journal]),
        ],
        commands=_commands(run),
        references=bibtex(_topics(settings, abouts), [str(about.get("citation", "")) for about in abouts]),
        made=made_now(),
    )


def _recordings(spec: Any) -> Iterator[dict[str, Any]]:
    """What a guide's specification says of its teacher layers, however guides are nested."""
    if isinstance(spec, Mapping):
        if isinstance(spec.get("about"), Mapping) and "name" in spec:
            said = {name: spec[name] for name in ("distance", "comparison", "normalise") if name in spec}
            yield {**said, **spec["about"], "layer": spec["name"]}
            return
        spec = list(spec.values())
    if isinstance(spec, list):
        for item in spec:
            yield from _recordings(item)


def _summary(run: SearchRun, table: pd.DataFrame) -> list[str]:
    settings = run.settings
    told, wanted = len(run.results), int(settings["search"]["trials"])
    sampler, space, seed = settings["sampler"]["name"], settings["space"]["space"], settings["search"]["seed"]
    sentences = [
        f"{told} of {wanted} trials of the space {space}, proposed by {sampler} with seed {seed}, "
        f"guided by {settings['guide']['name']}, cost {run.image_equivalents:,.0f} image-equivalents."
    ]
    candidates = _comparable(table[(table["kind"] == "candidate") & (table["reason"] == "")])
    if len(candidates):
        best = candidates.iloc[0]
        measured = [n for n in table.columns if n in ("P", "TG") or n.startswith("similarity/")]
        said = [f"{n.removeprefix('similarity/')} {best[n]:.3f}" for n in measured if pd.notna(best[n])]
        size = f" and has {int(best['parameters']):,} parameters" if pd.notna(best["parameters"]) else ""
        sentences.append(
            f"The best is trial {int(best['trial'])}: its value is {best['value']:.4f} ({', '.join(said)}){size}."
        )
    reference = table[table["kind"] == "reference"]
    if len(reference) and len(candidates) and pd.notna(reference.iloc[0]["value"]):
        other = float(reference.iloc[0]["value"])
        top = " of the highest rung" if "rung" in table.columns else ""
        better = int((candidates["value"] > other).sum())
        sentences.append(
            f"The reference network is worth {other:.4f}; {better} of {len(candidates)} candidates{top} are worth more."
        )
    failed, duplicates = int((table["reason"] != "").sum()), int((table["kind"] == "duplicate").sum())
    counts = {"failed": failed, "repeated an earlier one and cost nothing": duplicates}
    beside = [f"{count} {what}" for what, count in counts.items() if count]
    if beside:
        sentences.append(f"Of the trials, {' and '.join(beside)}.")
    if settings["search"].get("halving"):
        sentences.append(
            f"Candidates climbed a ladder ({_ladder(settings)}); only values of the same rung are comparable."
        )
    if settings["search"].get("method") == "hournas":
        sentences.append("Candidates were derived from one supernet and measured with its shared weights.")
    mature = retrained(run)
    if mature:
        said = [
            f"trial {m.trial} to {m.result['test_accuracy']:.4f} test accuracy on {m.result['images_seen']:,} images"
            for m in mature
        ]
        sentences.append(f"Retrained from scratch: {'; '.join(said)}.")
    return sentences


def _comparable(candidates: pd.DataFrame) -> pd.DataFrame:
    """Of a search with halving the candidates of the highest rung: others were trained on fewer images."""
    return candidates[candidates["rung"] == candidates["rung"].max()] if "rung" in candidates.columns else candidates


def _ladder(settings: Mapping[str, Any]) -> str:
    return f"{settings['search']['halving']}; candidates x images"


def _board(table: pd.DataFrame, cards: set[str]) -> Table:
    similarities = [name for name in table.columns if name.startswith("similarity/")]
    order = [*list(_COLUMNS)[:8], *similarities, *list(_COLUMNS)[8:]]
    shown = [
        n for n in order if n in table.columns and table[n].notna().any() and not (table[n].astype(str) == "").all()
    ]
    columns = [Column(_heading(n), n not in ("kind", "reason"), _ABOUT.get(n, "")) for n in shown]
    rows = []
    for row in table.to_dict("records"):
        cells = []
        for name in shown:
            if name in ("kind", "reason"):
                cells.append(Cell(str(row[name])))
                continue
            cell = number(row[name], _COLUMNS.get(name, ("", 4))[1])
            card = f"trial-{cell.text.replace(',', '')}"
            cells.append(replace(cell, href=card) if name == "trial" and card in cards else cell)
        rows.append(cells)
    return Table("All trials, best first", columns, rows)


def _heading(name: str) -> str:
    return f"Like {name.removeprefix('similarity/')}" if name.startswith("similarity/") else _COLUMNS[name][0]


def _figures(run: SearchRun, table: pd.DataFrame, cards: set[str]) -> list[Figure]:
    candidates = _comparable(table[table["kind"] == "candidate"]).reset_index(drop=True)
    fine = candidates[candidates["reason"] == ""]

    def spot(ax: Any, x: float, y: float, trial: int, label: str) -> Spot:
        card = f"trial-{trial}"
        return Spot(ax, x, f"Trial {trial}: {label}", y=y, card=card if card in cards else "")

    found = []
    hournas = run.settings["search"].get("method") == "hournas"
    history = run.history()
    if not hournas and np.isfinite(history["value"]).any():
        ax = plot.search(history)
        spent = history["image_equivalents"].cumsum()
        best = history["value"].cummax().ffill()
        marks = [
            spot(ax, float(x), float(y), int(t), f"value {v:.4f}")
            for x, y, t, v in zip(spent, best, history["trial"], history["value"], strict=True)
            if np.isfinite(v) and v == y
        ]
        alt = f"The best value so far against the images spent; it ends at {best.iloc[-1]:.4f}."
        found.append(inline(ax, "history", alt, caption="The best value so far against what was spent.", spots=marks))
    if {"P", "TG"} <= set(fine.columns) and fine[["P", "TG"]].notna().all(axis=1).any():
        ax = plot.guides(candidates.assign(reason=candidates["reason"].astype(str)))
        marks = [
            spot(ax, float(row["P"]), float(row["TG"]), int(row["trial"]), f"P {row['P']:.4f}, TG {row['TG']:.4f}")
            for row in fine.dropna(subset=["P", "TG"]).to_dict("records")
        ]
        alt = "Accuracy P against teacher guidance TG of every candidate; the numbers are in the table."
        rung = " Candidates of the highest rung." if "rung" in candidates.columns else ""
        caption = f"Click a candidate to go to its card.{rung}"
        found.append(inline(ax, "guides", alt, caption=caption, spots=marks))
    if hournas:
        found += _supernet(HourNASRun(run.path))
    return found


def _supernet(run: HourNASRun) -> list[Figure]:
    """What the supernet came to prefer, and what the derived networks cost and reach."""
    choices = plot.operation_probabilities(run.probabilities())
    derived = plot.budget(run.derived(), **run.budget_axes())
    return [
        inline(choices, "probabilities", "The probability of every operation in every block over the search."),
        inline(
            derived, "budget", "What the derived networks reach against what they cost; the numbers are in the table."
        ),
    ]


def _cards(run: SearchRun, table: pd.DataFrame, progress: Callable[[int, int, str], None] | None) -> list[Card]:
    results, mature, space = run.results, retrained(run), own_space(run)
    rows: list[dict[str, Any]] = table[table["kind"] == "candidate"].head(CARDS).to_dict("records")  # type: ignore[assignment]
    size = _image_size(run)
    cards = []
    for i, row in enumerate(rows):
        trial, architecture = int(row["trial"]), json.loads(str(row["architecture"]))
        measures = results[trial]["measures"]
        card = candidate_card(row, architecture, measures, [one for one in mature if one.trial == trial])
        if i < DRAWINGS and space is not None and not row["reason"]:
            card = replace(card, drawing=drawing(space, architecture, trial, size))
        cards.append(card)
        if progress is not None:
            progress(i + 1, len(rows), "cards")
    return cards


def _image_size(run: SearchRun) -> int:
    """Side of the images that candidates see, as the guide knows it; 32 where it has no teacher."""

    def sizes(spec: Any) -> Iterator[int]:
        if isinstance(spec, Mapping):
            if isinstance(spec.get("image_size"), int):
                yield spec["image_size"]
            spec = list(spec.values())
        if isinstance(spec, list):
            for item in spec:
                yield from sizes(item)

    data = run.settings.get("data", {}).get("options", {}).get("image_size")
    return int(data) if data else next(sizes(run.settings["guide"].get("spec", {})), 32)


def _methods(settings: Mapping[str, Any], abouts: list[dict[str, Any]]) -> str:
    """A paragraph on how candidates were proposed, trained and compared with the recordings."""
    search, training = settings["search"], settings.get("training", {})
    said = [
        f"Architectures of the space {settings['space']['space']} were searched by {settings['sampler']['name']} "
        f"({search['trials']} trials, seed {search['seed']}), guided by {settings['guide']['name']}."
    ]
    if search.get("halving"):
        said.append(f"Candidates were trained from scratch on each rung of a ladder ({_ladder(settings)}).")
    elif training.get("images") and search.get("method") != "hournas":
        said.append(f"Each candidate was trained from scratch on {training['images']:,} images{_recipe(training)}.")
    if "data" in settings:
        said.append(f"Training and validation images: {settings['data'].get('name', settings['data'].get('data'))}.")
    for about in abouts:
        distance, comparison = about.get("distance", "unknown"), about.get("comparison", "an unknown measure")
        simulated = " (simulated data: no animal was recorded)" if about.get("simulated") else ""
        source = about.get("identifier", about.get("teacher", "a teacher"))
        sites = f", {about['n_sites']} sites" if about.get("n_sites") else ""
        said.append(
            f"{about['layer']} of {source}{simulated}: {about.get('n_stimuli', 'unknown')} stimuli{sites}; RDMs by the "
            f"{distance} distance, compared by {comparison}; the layer that is most similar counts."
        )
    made = settings.get("made", {})
    said.append(
        "Computed with "
        + ", ".join(f"{n} {made[n]}" for n in ("neuroguide", "torch", "optuna", "numpy", "python") if n in made)
        + "."
    )
    return " ".join(said)


def _recipe(training: Mapping[str, Any]) -> str:
    named = {
        "optimiser": "",
        "learning_rate": "learning rate ",
        "batch_size": "batches of ",
        "augmentation": "augmented by ",
    }
    said = [f"{words}{text(training[name])}" for name, words in named.items() if training.get(name)]
    if training.get("validation_images"):
        said.append(f"its accuracy was measured on {text(training['validation_images'])} others")
    return f" ({', '.join(said)})" if said else ""


def _commands(run: SearchRun) -> list[tuple[str, str]]:
    here = str(run.path)
    hournas = run.settings["search"].get("method") == "hournas"
    lines = [("Look at the leaderboard", ["neuroguide", "leaderboard", here])]
    if not hournas:
        lines.append(
            ("Search again from its settings", ["neuroguide", "search", "--repeat", here, "--run", f"{here}-again"])
        )
    if not run.finished:
        lines.append(("Go on with it", ["neuroguide", "search", "--resume", "--run", here]))
    if "data" in run.settings:
        lines.append(("Train the best to maturity", ["neuroguide", "retrain", here, "--best", "1"]))
        lines.append(("Export the best", ["neuroguide", "export", here, "--out", "network"]))
    lines.append(("Make this page", ["neuroguide", "report", here, "--out", "report.html"]))
    return [(what, shlex.join(parts)) for what, parts in lines]


def _topics(settings: Mapping[str, Any], abouts: list[dict[str, Any]]) -> list[str]:
    topics = [*(["teacher", "rsa"] if abouts else []), settings["sampler"]["name"], "optuna"]
    return [*topics, *(["halving"] if settings["search"].get("halving") else [])]
