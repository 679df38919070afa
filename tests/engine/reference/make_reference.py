"""Make the reference values of tests/engine from rsatoolbox, in an environment of its own.

    python -m venv peer && peer/bin/pip install rsatoolbox==0.3.2
    peer/bin/python tests/engine/reference/make_reference.py

It takes some minutes and writes rsatoolbox.npz beside itself: the inputs (keys starting with "in/") and what the peer
computes from them.
"""

import warnings
from pathlib import Path

import numpy as np
from rsatoolbox.data import Dataset
from rsatoolbox.data.noise import cov_from_unbalanced
from rsatoolbox.inference import boot_noise_ceiling, eval_bootstrap_pattern, eval_dual_bootstrap
from rsatoolbox.model import ModelFixed
from rsatoolbox.rdm import RDMs, calc_rdm, compare
from rsatoolbox.rdm.calc_unbalanced import calc_rdm_unbalanced

warnings.simplefilter("ignore")
rng = np.random.default_rng(20)
out = {}

N, R, P = 12, 5, 7
scale = rng.uniform(0.5, 2, P)
mixing = rng.normal(size=(P, P)) * 0.3 + np.eye(P)
truth = rng.gamma(2.0, 2.0, (N, 1, P))
trials = truth + (rng.normal(size=(N, R, P)) @ mixing) * scale
unequal = trials.copy()
unequal[2, 3:] = np.nan
unequal[5, 4:] = np.nan
unequal[9, 2:] = np.nan
counts = rng.poisson(truth[:, 0]).astype(float)
out |= {"in/trials": trials, "in/unequal": unequal, "in/counts": counts}


def dataset(responses):
    stimulus, repetition = np.nonzero(~np.isnan(responses).any(2))
    return Dataset(responses[stimulus, repetition], obs_descriptors={"stimulus": stimulus, "repetition": repetition})


means = Dataset(trials.mean(1))
for name in ("correlation", "euclidean"):
    out[f"rdm/{name}"] = calc_rdm(means, method=name).dissimilarities[0]
out["rdm/poisson-kl"] = calc_rdm(Dataset(counts), method="poisson", prior_lambda=1.0, prior_weight=0.1).dissimilarities[
    0
]
out["rdm/poisson-kl-prior"] = calc_rdm(
    Dataset(counts), method="poisson", prior_lambda=3.0, prior_weight=0.5
).dissimilarities[0]
for kind, responses in {"trials": trials, "unequal": unequal}.items():
    data = dataset(responses)
    for noise, peer in {"shrinkage": "shrinkage_eye", "diagonal": "diag", "full": "full"}.items():
        covariance = cov_from_unbalanced(data, "stimulus", method=peer)
        precision = np.linalg.inv(covariance)
        out[f"noise/{kind}/{noise}"] = covariance
        out[f"mahalanobis/{kind}/{noise}"] = calc_rdm(
            data, method="mahalanobis", descriptor="stimulus", noise=precision
        ).dissimilarities[0]
        out[f"crossnobis/{kind}/{noise}"] = calc_rdm_unbalanced(
            data, method="crossnobis", descriptor="stimulus", noise=precision, cv_descriptor="repetition"
        ).dissimilarities[0]
data = dataset(trials)
out["crossnobis/leave-one-out"] = calc_rdm(
    data, method="crossnobis", descriptor="stimulus", cv_descriptor="repetition"
).dissimilarities[0]

METHODS = {
    "pearson": "corr",
    "spearman": "spearman",
    "kendall": "tau-a",
    "rho-a": "rho-a",
    "cosine": "cosine",
    "whitened-pearson": "corr_cov",
    "whitened-cosine": "cosine_cov",
    "bures": "bures",
}


def squared_euclidean(n_rdms):
    points = rng.normal(size=(n_rdms, N, 6))
    first, second = np.triu_indices(N, 1)
    return ((points[:, first] - points[:, second]) ** 2).mean(2)


stacks = {"smooth": (squared_euclidean(3), squared_euclidean(2))}
stacks["tied"] = tuple(np.round(stack) for stack in stacks["smooth"])
for kind, (a, b) in stacks.items():
    out[f"in/{kind}/a"], out[f"in/{kind}/b"] = a, b
    for name, peer in METHODS.items():
        out[f"compare/{kind}/{name}"] = compare(a, b, peer)
a, b = (stack.copy() for stack in stacks["smooth"])
for pair in (3, 17, 40):
    a[:, pair] = b[:, pair] = np.nan
out["in/missing/a"], out["in/missing/b"] = a, b
for name, peer in METHODS.items():
    if name != "bures":
        out[f"compare/missing/{name}"] = compare(a, b, peer)
variances = rng.uniform(0.5, 2, N)
factor = rng.normal(size=(N, N)) * 0.3 + np.eye(N)
covariance = factor @ factor.T
out["in/stimulus-variances"], out["in/stimulus-covariance"] = variances, covariance
for name, peer in {"whitened-pearson": "corr_cov", "whitened-cosine": "cosine_cov"}.items():
    a, b = stacks["smooth"]
    # a diagonal matrix takes the peer's exact path; its shortcut for variances centres without weights
    out[f"compare/variances/{name}"] = compare(a, b, peer, sigma_k=np.diag(variances))
    out[f"compare/covariance/{name}"] = compare(a, b, peer, sigma_k=covariance)

subjects = squared_euclidean(1) + 0.7 * squared_euclidean(6)
out["in/subjects"] = subjects
for name, peer in METHODS.items():
    if name != "bures":
        out[f"ceiling/{name}"] = np.array(boot_noise_ceiling(RDMs(subjects), method=peer))

# a bootstrap is random: what is kept are the variances of many samples
first, second = np.triu_indices(24, 1)
patterns = rng.normal(size=(24, 6))
brains = patterns + 0.8 * rng.normal(size=(7, 24, 6))
guesses = patterns + np.array([0.6, 1.0, 1.6])[:, None, None] * rng.normal(size=(3, 24, 6))
brains, guesses = (((x[:, first] - x[:, second]) ** 2).mean(2) for x in (brains, guesses))
out["in/boot/subjects"], out["in/boot/models"] = brains, guesses
models = [ModelFixed(f"model {i}", guess) for i, guess in enumerate(guesses)]
np.random.seed(0)  # noqa: NPY002 - the peer draws from the global generator
for name in ("pearson", "spearman", "whitened-pearson"):
    result = eval_dual_bootstrap(models, RDMs(brains), method=METHODS[name], N=4000)
    out[f"boot/{name}/variance"], out[f"boot/{name}/differences"] = result.model_var, result.diff_var
    result = eval_bootstrap_pattern(models, RDMs(brains), method=METHODS[name], N=4000, boot_noise_ceil=False)
    out[f"boot/{name}/stimuli"] = result.model_var

target = Path(__file__).with_name("rsatoolbox.npz")
np.savez_compressed(target, **out)
print(f"{len(out)} arrays, {target.stat().st_size / 1024:.0f} kB")
