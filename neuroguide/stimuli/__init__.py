"""The images that were shown: ids, metadata, lazy pixels."""

from neuroguide.stimuli.opening import open_stimuli, stimulus_sets
from neuroguide.stimuli.stimulus_set import StimulusSet

__all__ = ["StimulusSet", "open_stimuli", "stimulus_sets"]
