import neuroguide as ng

found = ng.compare_models(["pixels", "luminance-contrast"], "virtual", bootstrap=200)
found["difference"].sel(region="IT", model="pixels", model_2="luminance-contrast")
found["p_holm"].sel(region="IT")  # corrected for the number of pairs
ax = ng.plot.comparison(found, region="IT", significance=found["p_holm"].sel(region="IT"))
ng.plot.save(ax, "comparison.svg")
