"""Layers x sites -> a Scores dataset: the labelled face of the engine."""

from neuroguide.scoring.controls import partial_similarity, within_category_similarity
from neuroguide.scoring.days import compare_recordings
from neuroguide.scoring.files import open_scores, write_scores
from neuroguide.scoring.joining import join_models
from neuroguide.scoring.methods import methods_paragraph
from neuroguide.scoring.model_comparison import compare_models
from neuroguide.scoring.pairs import best_pairs, region_rdms
from neuroguide.scoring.rdms import compare, rdm
from neuroguide.scoring.reliability import rdm_reliability
from neuroguide.scoring.score import score
from neuroguide.scoring.subjects import subject_ceiling
from neuroguide.scoring.tables import scores_from_pandas, scores_to_pandas
from neuroguide.scoring.time import temporal_generalisation

__all__ = [
    "best_pairs",
    "compare",
    "compare_models",
    "compare_recordings",
    "join_models",
    "methods_paragraph",
    "open_scores",
    "partial_similarity",
    "rdm",
    "rdm_reliability",
    "region_rdms",
    "score",
    "scores_from_pandas",
    "scores_to_pandas",
    "subject_ceiling",
    "temporal_generalisation",
    "within_category_similarity",
    "write_scores",
]
