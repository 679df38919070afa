"""How sure one can be: bootstraps, permutation tests, paired comparisons and their corrections."""
