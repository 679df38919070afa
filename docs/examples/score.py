import neuroguide as ng

scores = ng.score("pixels", "virtual")  # a simulated recording, which is embedded
scores["similarity"].sel(region="IT")
scores["ceiling"], scores["normalized"]  # similarity / ceiling
table = ng.scores_to_pandas(scores)  # one row a layer and region
ng.write_scores(scores, "scores.nc")  # ng.open_scores reads it
