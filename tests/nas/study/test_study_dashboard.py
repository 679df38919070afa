"""The dashboard of a run."""

from __future__ import annotations

import json
import sys
import threading
import urllib.error
import urllib.request

import optuna
import pytest
from optuna.artifacts.exceptions import ArtifactNotFound

from neuroguide._core.errors import FileError, MissingExtraError, OptionError
from neuroguide.cli._pictures import draw_candidate
from neuroguide.nas.dashboard import dashboard
from neuroguide.nas.drawings import Drawings, WithDrawings


def _get(server, path, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def test_without_the_extra_it_says_how_to_install_it(stand_in, monkeypatch):
    run = stand_in(trials=1)
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    with pytest.raises(MissingExtraError, match=r'pip install "neuroguide\[dashboard\]"'):
        dashboard(run)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.full
def test_it_shows_the_trials_to_this_machine_only(stand_in, tmp_path):
    pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed (extra dashboard)")
    run = stand_in(trials=3)
    with dashboard(run, port=0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            study = _get(server, "/api/studies")["study_summaries"][0]
            assert study["study_name"] == "search"
            trials = _get(server, f"/api/studies/{study['study_id']}?after=0")["trials"]
            assert [t["state"] for t in trials] == ["Complete"] * 3
            for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
                with pytest.raises(urllib.error.HTTPError, match="403"):
                    _get(server, "/api/studies", **headers)
            with pytest.raises(OptionError, match=f"port {server.server_port} is not possible"):
                dashboard(run, port=server.server_port)
        finally:
            server.shutdown()
            thread.join()
    with pytest.raises(FileError, match="holds no run"):
        dashboard(tmp_path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.full
def test_drawings_are_artefacts_and_leave_the_store_as_it_was(stand_in):
    pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not installed (extra dashboard)")
    run = stand_in(trials=2)
    before = run.folder.journal.read_bytes()
    with dashboard(run, port=0, draw=draw_candidate) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            study = _get(server, "/api/studies")["study_summaries"][0]["study_id"]
            trials = _get(server, f"/api/studies/{study}?after=0")["trials"]
            assert [len(trial["artifacts"]) for trial in trials] == [1, 1]
            assert not (run.path / "drawings").exists()
            (artefact,) = trials[1]["artifacts"]
            place = f"/artifacts/{study}/{trials[1]['trial_id']}/{artefact['artifact_id']}"
            url = f"http://127.0.0.1:{server.server_port}"
            for _ in range(2):
                with urllib.request.urlopen(url + place, timeout=60) as answer:
                    assert answer.headers["Content-Type"] == "image/png"
                    assert answer.read(8) == b"\x89PNG\r\n\x1a\n"
            assert [path.name for path in (run.path / "drawings").iterdir()] == ["trial-00001.png"]
            # what a user does to artefacts does not reach the store either
            request = urllib.request.Request(f"{url}/api{place}", method="DELETE")
            with urllib.request.urlopen(request, timeout=20) as answer:
                assert answer.status == 204
        finally:
            server.shutdown()
            thread.join()
    assert run.folder.journal.read_bytes() == before


def test_drawings_of_a_store(stand_in, tmp_path):
    run = stand_in(trials=2)
    shown = optuna.load_study(study_name=run.study.study_name, storage=WithDrawings(run.study._storage))
    assert [trial.value for trial in shown.trials] == [trial.value for trial in run.study.trials]
    found = json.loads(shown.trials[1].system_attrs["artifacts:00000001"])
    assert found["mimetype"] == "image/png"
    assert not any(name.startswith("artifacts:") for trial in run.study.trials for name in trial.system_attrs)
    made = []

    def draw(trial, path):
        made.append(trial)
        path.write_bytes(b"picture")

    store = Drawings(tmp_path, draw)
    for _ in range(2):
        with store.open_reader(found["artifact_id"]) as handle:
            assert handle.read() == b"picture"
    assert made == [1]
    with pytest.raises(ArtifactNotFound):
        store.open_reader("../run.toml")
    with pytest.raises(PermissionError):
        store.write("ff", None)
