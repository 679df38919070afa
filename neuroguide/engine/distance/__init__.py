"""The distances: one file each; :mod:`neuroguide.engine.dissimilarity` is their door."""
