from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

from neuroguide._core.errors import DownloadError, OptionError
from neuroguide.stimuli import StimulusSet, open_stimuli, stimulus_sets


def test_unknown_names_get_suggestions():
    with pytest.raises(OptionError, match="unknown stimulus set 'kriegeskorte'; did you mean 'kriegeskorte2008'"):
        open_stimuli("kriegeskorte")
    with pytest.raises(OptionError, match="given by its path"):
        open_stimuli("zzz")
    with pytest.raises(OptionError, match="unknown part of cowley2023 '210326'; did you mean '210325'"):
        open_stimuli("cowley2023:210326")
    for name in ("kriegeskorte2008", "zhangdesimone7objects"):
        with pytest.raises(OptionError, match="give the name alone"):
            open_stimuli(f"{name}:models")


def test_unknown_options_get_suggestions():
    with pytest.raises(OptionError, match="unknown option of open_stimuli 'size'"):
        open_stimuli("zhangdesimone7objects", size=3)


def test_sets_of_ones_own_can_be_registered(monkeypatch):
    monkeypatch.setattr(stimulus_sets, "_items", dict(stimulus_sets._items))

    def open_mine(variant=None, *, shout=False):
        name = (variant or "plain").upper() if shout else variant or "plain"
        return StimulusSet(pd.DataFrame({"stimulus_id": [name]}), None, identifier="mine")

    stimulus_sets.add("mine", open_mine)
    assert open_stimuli("mine").ids == ["plain"]
    assert open_stimuli("mine:other", shout=True).ids == ["OTHER"]


def test_without_a_network_an_archive_is_a_download_error(monkeypatch, tmp_path):
    from neuroguide._core import download, transfer

    def refuse(url, part, **_options):
        raise DownloadError(f"cannot reach {url}")

    monkeypatch.setenv("NEUROGUIDE_HOME", str(tmp_path))
    monkeypatch.setattr(download, "download_to", refuse)
    assert transfer.download_to is not refuse
    with pytest.raises(DownloadError, match=r"githubusercontent.*Kriegeskorte_Neuron2008_supplementalData\.mat"):
        open_stimuli("kriegeskorte2008")


def test_the_seven_objects_are_known_without_files():
    stimuli = open_stimuli("zhangdesimone7objects")
    assert len(stimuli) == 21
    assert stimuli.ids[:2] == ["car_lower", "car_middle"]
    assert not stimuli.has_images
    assert "PNAS" in stimuli.attrs["citation"]


def test_stimuli_load_no_torch():
    code = "import sys, neuroguide.stimuli; sys.exit(any(m.split('.')[0] == 'torch' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
