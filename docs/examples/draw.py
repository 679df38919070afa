import neuroguide as ng

recording = ng.open_recording("virtual")
rdm = ng.rdm(recording, by="region").sel(region="IT")
ng.plot.save(ng.plot.rdm(rdm), "rdm.png")
ng.plot.save(ng.plot.embedding(rdm), "embedding.png")
with ng.plot.style():  # for your own figures in the same style
    ax = ng.plot.profile(ng.open_scores("scores.nc"), normalized=True)
ng.plot.save(ax, "profile.svg")  # its text stays text
