import neuroguide as ng

(mature,) = ng.retrain("runs/first", best=1, images=200)  # hundreds of thousands in earnest
mature.result["test_accuracy"]
exported = ng.export("runs/first", "my_network")
ng.score(exported.model, "virtual")
