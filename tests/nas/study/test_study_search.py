"""What a search does, and what it leaves in its folder."""

from __future__ import annotations

import json
import re
import threading
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor

import numpy as np
import optuna
import pytest
from safetensors import safe_open

from neuroguide._core.errors import CandidateError, InputError
from neuroguide._core.processes.tasks import TaskError, find_function
from neuroguide.nas.samplers import samplers
from neuroguide.nas.spaces import open_space
from neuroguide.nas.study import open_run, repeat_search, resume_search, search
from neuroguide.testing.candidates import StandInGuide


class Threads:
    """An executor of threads whose results come in any order; ``spoil`` may raise in place of an evaluation."""

    def __init__(self, workers, spoil=lambda count, spec: None):
        self.workers = workers
        self.pool = ThreadPoolExecutor(workers)
        self.spoil = spoil
        self.count = 0
        self.specs = []
        self.lock = threading.Lock()

    def submit(self, function, spec):
        with self.lock:
            self.count += 1
            count = self.count
            self.specs.append(spec)

        def task():
            self.spoil(count, spec)
            return json.loads(json.dumps(find_function(function)(spec)))

        return self.pool.submit(task)

    def shutdown(self):
        self.pool.shutdown()


def _table(run):
    return run.leaderboard(seconds=False).to_csv()


def test_a_search_finds_better_candidates_and_says_what_they_cost(stand_in):
    events = []
    run = stand_in(trials=30, progress=events.append)
    table = run.leaderboard()
    assert run.finished
    assert sorted(table["trial"].dropna()) == list(range(30))
    assert table["value"].iloc[0] == run.best.value == max(table["value"].iloc[:-1])
    early = table[table["trial"] < 8]["value"].mean()
    late = table[table["trial"] >= 20]["value"].mean()
    assert late > early
    # 30 candidates and the reference at 4,000 images
    assert run.image_equivalents == 31 * 4000
    assert [e.told for e in events] == [0, *range(31)]
    assert events[-1].best == run.best.value
    assert events[-1].best_trial == run.best.trial
    assert events[-1].image_equivalents == run.image_equivalents
    assert events[0].seconds_left is None
    assert events[-1].seconds_left == 0


def test_the_reference_is_the_middle_of_the_space_and_has_no_rank(stand_in, middle_space):
    run = stand_in()
    row = run.leaderboard().iloc[-1]
    assert row["kind"] == "reference"
    stage = json.loads(row["architecture"])["stages"][0]
    assert (stage["depth"], stage["width"], stage["kernel"]) == (2, 12, 5)
    own = middle_space.sample(np.random.default_rng(5))
    row = stand_in("own", reference=own).leaderboard().iloc[-1]
    assert json.loads(row["architecture"]) == middle_space.to_json(own)
    assert "reference" not in set(stand_in("none", reference=None).leaderboard()["kind"])


def test_history_is_what_plot_search_draws(stand_in):
    run = stand_in(seed=3, sampler="random")
    history = run.history()
    assert list(history.columns) == ["trial", "value", "image_equivalents", "sampler", "seed"]
    assert history["trial"].tolist() == list(range(12))
    assert set(history["sampler"]) == {"random"}
    assert set(history["seed"]) == {3}


def test_the_weights_of_the_best_are_kept_and_no_others(stand_in, tmp_path):
    run = stand_in(trials=20, keep=3)
    best = run.leaderboard()["trial"].iloc[:3].tolist()
    files = sorted(path.name for path in (tmp_path / "run" / "artifacts").iterdir())
    assert files == sorted(f"trial-{number:05d}.safetensors" for number in best)
    with safe_open(run.best.weights, "np") as weights:
        code = weights.get_tensor("code")
    assert code.tolist() == run.space.encode(run.best.architecture).tolist()
    assert run.candidate(int(run.leaderboard()["trial"].iloc[5])).weights is None
    stand_in("none", keep=0)
    assert not list((tmp_path / "none" / "artifacts").iterdir())


def test_a_duplicate_is_answered_from_the_store(stand_in, small_space):
    executor = Threads(1)
    run = stand_in(space=small_space, executor=executor, trials=40, sampler_options={"redraws": 0}, reference=None)
    executor.shutdown()
    table = run.leaderboard()
    duplicates = table[table["kind"] == "duplicate"]
    assert executor.count == 40 - len(duplicates) == table["architecture"].nunique()
    assert len(duplicates) > 10
    assert (duplicates["image_equivalents"] == 0).all()
    first = table.set_index("trial")
    for _, row in duplicates.iterrows():
        original = first.loc[row["duplicate_of"]]
        assert original["kind"] == "candidate"
        assert row["duplicate_of"] < row["trial"]
        assert (row["value"], row["architecture"], row["P"]) == (
            original["value"],
            original["architecture"],
            original["P"],
        )
    assert run.image_equivalents == executor.count * 4000


def test_results_do_not_depend_on_who_is_faster(stand_in):
    """At a lag of 3: one worker, three workers of random speed, in this process."""
    whole = _table(stand_in("inline", trials=24, lag=3))
    for workers in (1, 3):
        executor = Threads(workers)
        run = stand_in(f"{workers}", guide=StandInGuide(seconds=0.01), trials=24, lag=3, executor=executor)
        executor.shutdown()
        assert _table(run) == whole
    assert _table(stand_in("serial", trials=24)) != whole


def test_without_order_everything_is_told_once_and_nobody_waits(stand_in):
    held = threading.Event()
    told = []

    def spoil(count, spec):
        if count == 2:
            held.wait(20)

    def progress(state):
        told.append(state.told)
        if state.told >= 10:
            held.set()

    executor = Threads(2, spoil)
    run = stand_in(executor=executor, ordered=False, trials=15, progress=progress, reference=None)
    executor.shutdown()
    assert told == [0, *range(16)]
    assert sorted(run.results) == list(range(15))


def test_as_many_are_under_way_as_there_are_workers_and_more_where_none_waits_for_its_turn(stand_in):
    with ThreadPoolExecutor(16) as pool:
        lags = {
            ordered: stand_in(f"{ordered}", trials=20, executor=pool, ordered=ordered).settings["search"]["lag"]
            for ordered in (True, False)
        }
    assert lags == {True: 16, False: 18}


@pytest.mark.parametrize("sampler", ["evolution", "random"])
def test_twins_that_are_under_way_together_are_evaluated_once(stand_in, small_space, sampler):
    tables = []
    for name, ordered in (("a", True), ("b", True), ("c", False)):
        executor = Threads(6)
        run = stand_in(
            name, space=small_space, executor=executor, trials=30, ordered=ordered, sampler=sampler,
            sampler_options={"redraws": 0}, guide=StandInGuide(seconds=0.003), reference=None,
        )  # fmt: skip
        executor.shutdown()
        assert executor.count == run.leaderboard()["architecture"].nunique()
        tables.append(_table(run))
    assert tables[0] == tables[1]


def test_a_candidate_that_fails_is_tried_again(stand_in):
    def spoil(count, spec):
        if count in (3, 7):
            raise MemoryError("no more")

    executor = Threads(1, spoil)
    run = stand_in(executor=executor, reference=None)
    executor.shutdown()
    assert executor.count == 14
    assert sorted(result["attempts"] for result in run.results.values()) == [1] * 10 + [2] * 2
    assert _table(run) == _table(stand_in("undisturbed", reference=None))


def test_a_candidate_that_fails_again_gets_the_worst_value_and_its_reason(stand_in, tmp_path):
    events = []
    run = stand_in(guide=StandInGuide(failing=0.3), trials=30, progress=events.append)
    table = run.leaderboard()
    failed = table[table["reason"] != ""]
    assert 3 < len(failed) < 20
    assert events[-1].failed == (failed["trial"].notna()).sum()
    assert (failed["value"] == -1).all()
    assert failed["reason"].str.fullmatch(r"RuntimeError: the stand-in for [0-9a-f]{16} fails").all()
    assert failed["P"].isna().all()
    # they count as trained in full, and their weights are not kept
    assert (failed[failed["kind"] == "candidate"]["image_equivalents"] == 4000).all()
    assert run.best.value > 0
    assert {t.state for t in run.study.trials} == {optuna.trial.TrialState.COMPLETE}
    assert stand_in("no retries", guide=StandInGuide(failing=0.3), trials=30, retries=0).finished


def test_reasons_and_names_can_do_no_harm(stand_in):
    def spoil(count, spec):
        if spec["weights"] and "trial-00003" in spec["weights"]:
            raise TaskError("=HYPERLINK(<script>alert(1)</script>)")

    executor = Threads(1, spoil)
    run = stand_in(executor=executor, trials=5)
    executor.shutdown()
    assert "<script>" not in run._repr_html_()
    assert "&lt;script&gt;" in run._repr_html_()
    assert "'=HYPERLINK" in (run.path / "leaderboard.csv").read_text()


def test_an_executor_that_breaks_ends_the_search_and_the_run_goes_on(stand_in):
    class Broken(Threads):
        def submit(self, function, spec):
            if self.count >= 6:
                raise BrokenExecutor("a worker died")
            return super().submit(function, spec)

    whole = _table(stand_in("whole"))
    executor = Broken(1)
    with pytest.raises(CandidateError, match=r"takes no more candidates .*a worker died.*resume"):
        stand_in(executor=executor)
    executor.shutdown()
    assert _table(stand_in(resume=True)) == whole


def test_an_executor_that_is_shut_down_fails_no_candidate(stand_in):
    class Closing(Threads):
        def submit(self, function, spec):
            future = super().submit(function, spec)
            if self.count > 6:
                future = Future()
                future.set_exception(TaskError("shut down", "shutdown"))
            return future

    executor = Closing(1)
    with pytest.raises(CandidateError, match="takes no more candidates"):
        stand_in(executor=executor)
    executor.shutdown()
    run = stand_in(resume=True)
    assert not run.leaderboard()["reason"].any()


def test_several_objectives(stand_in):
    run = stand_in(
        "nsga2", trials=40, sampler="nsga2", objectives=["TG", "P", "flops"], guide=StandInGuide(failing=0.1)
    )
    assert run.study.directions == [optuna.study.StudyDirection.MAXIMIZE] * 2 + [optuna.study.StudyDirection.MINIMIZE]
    table = run.leaderboard()
    good = table[(table["kind"] == "candidate") & (table["reason"] == "")]
    front = good[good["front"] == 0]
    assert 1 < len(front) < len(good)
    for _, row in front.iterrows():
        better = (good["TG"] >= row["TG"]) & (good["P"] >= row["P"]) & (good["flops"] <= row["flops"])
        assert better.sum() == 1
    # a failed one is told the worst of everything
    failed = table[(table["reason"] != "") & (table["kind"] == "candidate")]
    assert len(failed)
    assert run.study.trials[int(failed["trial"].iloc[0])].values == [-1.0, 0.0, 1e15]
    # the usual objectives of a guide without a teacher
    assert stand_in("usual", sampler="nsga2").settings["search"]["objectives"] == ["value", "flops"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 0}, "trials = 0 is not possible"),
        ({"lag": 0}, "lag = 0"),
        ({"keep": -1}, "keep = -1"),
        ({"sampler": "evolutoin"}, "did you mean 'evolution'"),
        ({"sampler_options": {"poplation": 5}}, "did you mean 'population'"),
        ({"sampler_options": {"population": 1}}, "sample = 6 is larger than population = 1"),
        ({"objectives": ["P", "flops"]}, "sampler 'evolution' ranks by one value.*use sampler='nsga2'"),
        ({"objectives": ["P", "P"], "sampler": "nsga2"}, "name each of at least one once"),
        ({"objectives": ["accuracy"]}, "unknown objective 'accuracy'"),
        ({"space": "macrro"}, "did you mean 'macro'"),
        ({"executor": "loca:2"}, "unknown executor"),
        ({"memory_limit": "many"}, "memory 'many'"),
        ({"training": {"optimizer": "sgd"}}, "optimizer"),
        ({"evaluate": "neuroguide.nas.evaluation:evaluate"}, "give data="),
        ({"guide": object()}, "give a guide"),
        ({"storage": "nonsense://"}, "cannot open the storage"),
    ],
)
def test_bad_options_are_refused_in_one_sentence(stand_in, options, message):
    with pytest.raises(InputError, match=message):
        stand_in(**options)


def test_a_space_that_workers_cannot_open_is_refused(stand_in):
    space = type(open_space("macro"))()
    with pytest.raises(InputError, match="made in memory"):
        stand_in(space=space)


def test_an_evaluation_that_returns_something_else_ends_the_search(stand_in):
    with pytest.raises(InputError, match="a dict with 'measures' was expected"):
        stand_in(evaluate="builtins:len")


def test_a_run_is_repeated_from_its_settings(stand_in, tmp_path):
    run = stand_in(trials=15, seed=4, sampler="tpe", sampler_options={"startup": 5})
    again = repeat_search(run.path / "run.toml", tmp_path / "again", executor="inline")
    assert _table(again) == _table(run)
    first, second = ((r.path / "leaderboard.csv").read_bytes() for r in (run, again))
    assert first == second
    settings = [{k: v for k, v in r.settings.items() if k != "made"} for r in (run, again)]
    assert settings[0] == settings[1]


def test_two_seeds_differ(stand_in):
    assert _table(stand_in("a", seed=0)) != _table(stand_in("b", seed=1))


@pytest.mark.parametrize("sampler", list(samplers))
def test_a_longer_search_is_the_shorter_one_continued(stand_in, tmp_path, sampler):
    whole = _table(stand_in("whole", trials=30, lag=3, sampler=sampler))
    stand_in("short", trials=16, lag=3, sampler=sampler)
    assert _table(resume_search(tmp_path / "short", trials=30, executor="inline")) == whole


def test_a_search_in_a_database(stand_in, tmp_path):
    url = f"sqlite:///{tmp_path / 'searches.db'}"
    runs = [stand_in(name, storage=url, seed=seed, trials=4) for seed, name in enumerate(["a", "b"])]
    assert not (tmp_path / "a" / "study.journal").exists()
    plain = stand_in("plain", trials=4)
    assert _table(runs[0]) == _table(plain)
    assert _table(runs[1]) != _table(plain)
    more = resume_search(tmp_path / "a", trials=6, executor="inline")
    assert len(more.results) == 6
    assert len(open_run(tmp_path / "b").results) == 4
    for run in (*runs, more):
        run.study._storage._backend.engine.dispose()


def test_the_default_folder_is_new_every_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {"trials": 1, "executor": "inline", "evaluate": "neuroguide.testing.candidates:evaluate"}
    runs = [search("macro", StandInGuide(), reference=None, **options) for _ in range(2)]
    assert runs[0].path != runs[1].path
    assert all(re.fullmatch(r"runs/\d{8}-\d{6}-macro-evolution(-\d)?", run.path.as_posix()) for run in runs)
