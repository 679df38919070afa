"""Which candidate next: each one an optuna sampler."""
