"""The dashboard of a run."""

from __future__ import annotations

import json
import sys
import threading
import urllib.error
import urllib.request

import pytest

from neuroguide._core.errors import FileError, MissingExtraError, OptionError
from neuroguide.nas.dashboard import dashboard


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
