import neuroguide as ng

run = ng.search(
    "macro", "performance", data="objects:160", sampler="random", halving="2x50, 1x100", promotion="P",
    run="runs/halving",
)  # fmt: skip
run.leaderboard()
