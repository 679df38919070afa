import neuroguide as ng

recording = ng.open_recording("virtual")
raw = ng.rdm(recording, by="region").sel(region="IT")
zscored = ng.rdm(recording, normalise="zscore", by="region").sel(region="IT")
unbiased = ng.rdm(recording, "crossnobis(noise=diagonal)", by="region").sel(region="IT")
ng.compare(raw, zscored), ng.compare(raw, unbiased, "spearman")
ng.score("pixels", recording, distance="euclidean/cosine")  # the recording's / the model's
