"""The comparisons of RDMs: one file a family; :mod:`neuroguide.engine.similarity` is their door."""
