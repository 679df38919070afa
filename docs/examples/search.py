import neuroguide as ng

run = ng.search(
    "macro", ["performance", "recording:virtual@IT"], data="objects:160", sampler="evolution", trials=2, images=100,
    run="runs/first",
)  # fmt: skip
run.leaderboard()
run.best.architecture, run.best.measures
run.image_equivalents  # what the search has cost
ng.plot.save(ng.plot.search(run.history()), "search.png")
