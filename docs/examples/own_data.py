import neuroguide as ng

recording = ng.open_recording(
    "responses.npz", dims=("presentation", "repetition", "neuroid"), stimuli="image_names",
    stimulus_set="images/", region="IT", units="spikes/s",
)  # fmt: skip
scores = ng.score("small_network.py:make", recording, bootstrap=1000)
ng.write_scores(scores, "scores.nc")
ng.plot.save(ng.plot.profile(scores), "profile.pdf")
ng.report(scores, "report.html")
