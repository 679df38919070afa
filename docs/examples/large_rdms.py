import torch

from neuroguide.engine.memory import LazyRDM, compare_tiled, sampled_spearman

sites, layer = torch.randn(600, 40), torch.randn(600, 500)  # stimuli by sites, stimuli by features
recorded, predicted = LazyRDM.of(sites), LazyRDM.of(layer)
pearson = compare_tiled([recorded], [predicted], "pearson", memory="512MB")
spearman, its_error = sampled_spearman(recorded, predicted)
