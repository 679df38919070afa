"""The RDM engine: torch tensors in, torch tensors out."""
