"""A run that is killed with SIGKILL, over and over, ends as one that was not; everything that reads runs reads it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

import neuroguide as ng
from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide.cli._pictures import draw_search
from neuroguide.cli.main import main
from neuroguide.nas.hournas import HourNASRun, hournas, parse_budget, resume_hournas, within
from neuroguide.nas.hournas.supernet import choices_of
from neuroguide.nas.run import open_run
from neuroguide.nas.spaces import open_space
from neuroguide.nas.study import resume_search

SPACE = {"layout": "small", "width": 0.1, "kernel": (3, 5), "expansion": (1, 3), "squeeze_excite": False}
SETTINGS = {
    "images": 360, "batch_size": 20, "candidates": 2, "recalibration": 40, "proposal_every": 2, "checkpoint_every": 4,
    "proposals": {"number": 2, "steps": 40},
}  # fmt: skip


@pytest.fixture(scope="module")
def data_file(tiny_data, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "tiny.safetensors"
    tiny_data.save(path)
    return path


@pytest.fixture(scope="module")
def budget(tiny_table):
    low, high = tiny_table.range("flops")
    return f"{(low + high) / 2e6}MFLOPs"


@pytest.fixture(scope="module")
def finished(data_file, budget, tmp_path_factory):
    """A run from beginning to end."""
    told = []
    run = hournas(
        open_space("hourglass", **SPACE), data=data_file, budget=budget, tolerance=0.1, settings=SETTINGS,
        run=tmp_path_factory.mktemp("run") / "whole", seed=5, progress=told.append,
    )  # fmt: skip
    return run, told


def test_a_run_is_a_run_like_any_other(finished, budget, tiny_table):
    run, told = finished
    table = open_run(run.path).leaderboard()
    assert list(table["kind"]) == ["candidate"] * 2
    assert (table["value"] == table["P"]).all()
    assert open_run(run.path).finished
    best = run.best
    assert best.weights is not None
    # spent: the supernet, and what deriving passed forward
    assert run.image_equivalents > 360
    costs = tiny_table.of(torch.tensor([choices_of(run.space, run.candidate(n).architecture) for n in (0, 1)]))
    assert within(tiny_table, [parse_budget(budget, 0.1)], costs).all()
    phases = [state.phase for state in told]
    assert list(dict.fromkeys(phases)) == ["vital", "rest", "derived networks"]
    assert told[-1].images_seen == told[-1].images == 360


def test_what_was_learned_can_be_drawn(finished):
    run, _ = finished
    table = run.probabilities()
    sums = table.groupby(["step", "phase", "block"])["probability"].sum()
    assert (sums - 1).abs().max() < 1e-5
    assert set(table["phase"]) == {"vital", "rest"}
    assert set(table.loc[table["operation"] == "identity", "vital"]) == {0}
    losses = run.losses()
    assert losses["loss"].notna().all()
    assert losses["images"].is_monotonic_increasing


def test_derived_networks_retrain_and_export(finished, tmp_path):
    run, _ = finished
    (mature,) = ng.retrain(run.path, images=80, executor="inline", training={"validation_images": 20})
    assert 0 <= mature.result["accuracy"] <= 1
    folder = tmp_path / "export"
    ng.export(run, folder)
    assert (folder / "model.py").exists()


def test_a_run_is_resumed_by_its_own_method_and_repeated_bit_for_bit(finished, data_file, budget, tmp_path):
    run, _ = finished
    before = (run.path / "leaderboard.csv").read_bytes()
    resume_hournas(run.path)
    assert (run.path / "leaderboard.csv").read_bytes() == before
    with pytest.raises(InputError, match="by the method 'hournas'"):
        resume_search(run.path)
    space = open_space("hourglass", **SPACE)
    with pytest.raises(FileError, match="holds a run already"):
        hournas(space, data=data_file, budget=budget, run=run.path)
    with pytest.raises(OptionError, match=r"sampler.options.images = 360, not 380"):
        hournas(
            space, data=data_file, budget=budget, tolerance=0.1, settings={**SETTINGS, "images": 380}, run=run.path,
            seed=5, resume=True,
        )  # fmt: skip


def test_what_cannot_be_searched_leaves_no_folder(data_file, budget, tmp_path):
    space = open_space("hourglass", **SPACE)
    for error, given in (
        (OptionError, {"space": space, "budget": "9000MFLOPs"}),
        (OptionError, {"space": space, "budget": budget, "settings": {"images": 100, "batch_size": 200}}),
        (InputError, {"space": "macro", "budget": budget}),
    ):
        with pytest.raises(error):
            hournas(**given, data=data_file, run=tmp_path / "run")
        assert not (tmp_path / "run").exists()


#: Forks of one interpreter that search, each of which dies at a moment of its own.
DRIVER = """
import json, os, signal, sys
import torch._dynamo  # torch's optimisers load it at their first step: once here, not in every fork
from neuroguide.nas.hournas import hournas, running, search, telling
from neuroguide.nas.spaces import open_space

folder, data, budget, settings, space, deaths = (json.loads(text) for text in sys.argv[1:])
step, save, trial = search.HourNAS.step, running.save_state, telling._trial


def client(kind, when):
    count = 0

    def dying(function, at):
        def call(*args, **kwargs):
            nonlocal count
            count += kind == at
            if count == when and kind == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)
        return call

    search.HourNAS.step = dying(step, "step")
    running.save_state = dying(save, "save")
    telling._trial = dying(trial, "trial")
    hournas(open_space("hourglass", **space), data=data, budget=budget, tolerance=0.1, settings=settings, run=folder,
            seed=5, resume=True)


codes = []
for kind, when in deaths:
    child = os.fork()
    if child == 0:
        try:
            client(kind, when)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(codes))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_killed_and_resumed_equals_undisturbed_bit_for_bit(finished, data_file, budget, tmp_path):
    whole, _ = finished
    folder = tmp_path / "killed"
    deaths = [["step", 7], ["save", 3], ["trial", 2], ["none", 0]]
    arguments = [str(folder), str(data_file), budget, SETTINGS, SPACE, deaths]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DRIVER, *map(json.dumps, arguments)],
        capture_output=True, text=True, timeout=400,
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
    )  # fmt: skip
    assert json.loads(done.stdout or "[]") == [-signal.SIGKILL] * 3 + [0], done.stderr
    killed = HourNASRun(folder)
    assert killed.leaderboard(seconds=False).equals(whole.leaderboard(seconds=False))
    for name in ("hournas/state.safetensors", "artifacts/trial-00000.safetensors", "artifacts/trial-00001.safetensors"):
        a, b = load_file(killed.path / name), load_file(whole.path / name)
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a)
    assert killed.probabilities().equals(whole.probabilities())
    assert not list(folder.rglob("*.tmp*"))


def test_from_the_command_line(data_file, budget, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    make = tmp_path / "mine.py"
    make.write_text(
        "from neuroguide.nas.spaces.hourglass import HourglassSpace\n"
        f"def make():\n    return HourglassSpace(**{SPACE!r})\n"
    )
    run = tmp_path / "run"
    given = [f"{name}={json.dumps(value)}" for name, value in SETTINGS.items() if name != "proposals"]
    settings = [part for text in (*given, "proposals.number=2", "proposals.steps=40") for part in ("--set", text)]
    code = main(
        ["search", "--space", f"{make}:make", "--method", "hournas", "--budget", budget, "--tolerance", "0.1", "--data",
         str(data_file), "--guide", "performance", "--run", str(run), "--images", "300", "-q", *settings]
    )  # fmt: skip
    assert code == 0
    printed = capsys.readouterr().out
    assert "derived networks with the supernet's weights" in printed
    assert HourNASRun(run).settings["sampler"]["options"]["images"] == 300
    assert main(["search", "--resume", "--run", str(run), "-q"]) == 0
    capsys.readouterr()
    pictures = draw_search(open_run(run), tmp_path / "pictures")
    assert [picture.name for picture in pictures] == ["probabilities.png", "budget.png", "network.png"]
    assert main(["search", "--space", f"{make}:make", "--method", "hournas", "--budget", "1MACs", "--data",
                 str(data_file), "--guide", "performance"]) == 2  # fmt: skip
    assert "they reach from" in capsys.readouterr().err
    assert main(["search", "--guide", "performance", "--budget", "300MFLOPs", "--data", str(data_file)]) == 2
    assert "belong to --method hournas" in capsys.readouterr().err
