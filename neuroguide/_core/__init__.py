"""What every room of the house needs: errors, option checks, registries, seeds, safe writes, settings, downloads."""
