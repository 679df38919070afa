"""What to cite, as BibTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable

from neuroguide._version import __version__


def _entry(kind: str, key: str, **fields: str) -> str:
    lines = ",\n".join(f"  {name:<9} = {{{value}}}" for name, value in fields.items())
    return f"@{kind}{{{key},\n{lines}\n}}"


_KNOWN = {
    "neuroguide": _entry(
        "software", "neuroguide",
        author="{The neuroguide authors}", version=__version__,
        title="neuroguide: score networks against recordings from primate visual cortex, and let them guide "
        "architecture search",
    ),
    "rsa": _entry(
        "article", "kriegeskorte2008rsa", author="Kriegeskorte, Nikolaus and Mur, Marieke and Bandettini, Peter",
        title="Representational similarity analysis -- connecting the branches of systems neuroscience",
        journal="Frontiers in Systems Neuroscience", volume="2", pages="4", year="2008",
        doi="10.3389/neuro.06.004.2008",
    ),
    "cka": _entry(
        "inproceedings", "kornblith2019cka",
        author="Kornblith, Simon and Norouzi, Mohammad and Lee, Honglak and Hinton, Geoffrey",
        title="Similarity of Neural Network Representations Revisited",
        booktitle="International Conference on Machine Learning", year="2019",
    ),
    "animals": _entry(
        "article", "nili2014toolbox",
        author="Nili, Hamed and Wingfield, Cai and Walther, Alexander and Su, Li and Marslen-Wilson, William and "
        "Kriegeskorte, Nikolaus",
        title="A Toolbox for Representational Similarity Analysis", journal="PLoS Computational Biology", volume="10",
        number="4", pages="e1003553", year="2014", doi="10.1371/journal.pcbi.1003553",
    ),
    "inference": _entry(
        "article", "schutt2023inference",
        author="Sch{\\\"u}tt, Heiko H. and Kipnis, Alexander D. and Diedrichsen, J{\\\"o}rn and Kriegeskorte, Nikolaus",
        title="Statistical inference on representational geometries", journal="eLife", volume="12", pages="e82566",
        year="2023", doi="10.7554/eLife.82566",
    ),
    "whitened": _entry(
        "article", "diedrichsen2021whitened",
        author="Diedrichsen, J{\\\"o}rn and Berlot, Eva and Mur, Marieke and Sch{\\\"u}tt, Heiko H. and "
        "Shahbazi, Mahdiyar and Kriegeskorte, Nikolaus",
        title="Comparing representational geometries using whitened unbiased-distance-matrix similarity",
        journal="Neurons, Behavior, Data analysis, and Theory", volume="5", number="3", year="2021",
    ),
    "teacher": _entry(
        "inproceedings", "bashivan2019teacher",
        author="Bashivan, Pouya and Tensen, Mark and DiCarlo, James J.", title="Teacher Guided Architecture Search",
        booktitle="Proceedings of the IEEE/CVF International Conference on Computer Vision (ICCV)", year="2019",
    ),
    "hournas": _entry(
        "inproceedings", "yang2021hournas",
        author="Yang, Zhaohui and Wang, Yunhe and Chen, Xinghao and Guo, Jianyuan and Zhang, Wei and Xu, Chao and "
        "Xu, Chunjing and Tao, Dacheng and Xu, Chang",
        title="HourNAS: Extremely Fast Neural Architecture Search Through an Hourglass Lens",
        booktitle="Proceedings of the IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)",
        year="2021",
    ),
    "optuna": _entry(
        "inproceedings", "akiba2019optuna",
        author="Akiba, Takuya and Sano, Shotaro and Yanase, Toshihiko and Ohta, Takeru and Koyama, Masanori",
        title="Optuna: A Next-generation Hyperparameter Optimization Framework",
        booktitle="Proceedings of the 25th ACM SIGKDD International Conference on Knowledge Discovery and Data Mining",
        year="2019", doi="10.1145/3292500.3330701",
    ),
    "evolution": _entry(
        "inproceedings", "real2019evolution",
        author="Real, Esteban and Aggarwal, Alok and Huang, Yanping and Le, Quoc V.",
        title="Regularized Evolution for Image Classifier Architecture Search",
        booktitle="Proceedings of the AAAI Conference on Artificial Intelligence", year="2019",
    ),
    "nsga2": _entry(
        "article", "deb2002nsga2",
        author="Deb, Kalyanmoy and Pratap, Amrit and Agarwal, Sameer and Meyarivan, T.",
        title="A fast and elitist multiobjective genetic algorithm: NSGA-II",
        journal="IEEE Transactions on Evolutionary Computation", volume="6", number="2", pages="182--197", year="2002",
    ),
    "tpe": _entry(
        "inproceedings", "bergstra2011tpe",
        author="Bergstra, James and Bardenet, R{\\'e}mi and Bengio, Yoshua and K{\\'e}gl, Bal{\\'a}zs",
        title="Algorithms for Hyper-Parameter Optimization",
        booktitle="Advances in Neural Information Processing Systems", year="2011",
    ),
    "progressive": _entry(
        "inproceedings", "liu2018progressive",
        author="Liu, Chenxi and Zoph, Barret and Neumann, Maxim and Shlens, Jonathon and Hua, Wei and Li, Li-Jia and "
        "Fei-Fei, Li and Yuille, Alan and Huang, Jonathan and Murphy, Kevin",
        title="Progressive Neural Architecture Search", booktitle="European Conference on Computer Vision (ECCV)",
        year="2018",
    ),
    "halving": _entry(
        "inproceedings", "jamieson2016halving", author="Jamieson, Kevin and Talwalkar, Ameet",
        title="Non-stochastic Best Arm Identification and Hyperparameter Optimization",
        booktitle="International Conference on Artificial Intelligence and Statistics (AISTATS)", year="2016",
    ),
}  # fmt: skip


def bibtex(topics: Iterable[str], citations: Iterable[str] = ()) -> list[str]:
    """Entries of neuroguide, of these topics as far as they are known, and of citations that are plain sentences."""
    wanted = dict.fromkeys(["neuroguide", *topics])
    return [
        *(_KNOWN[name] for name in wanted if name in _KNOWN),
        *(_cited(one) for one in dict.fromkeys(citations) if one),
    ]


def _cited(citation: str) -> str:
    """A citation as somebody wrote it: a note, with the year and DOI that can be read from it."""
    # what begins or ends a field must not come from the sentence
    plain = re.sub(r"\s+", " ", re.sub(r"[{}\\]", "", citation)).strip()
    year, doi = re.search(r"\((\d{4})\)", plain), re.search(r"doi:\s*(10\.\d{4,}/\S+)", plain)
    first = re.match(r"\w+", plain)
    fields = {"note": plain}
    if year:
        fields["year"] = year[1]
    if doi:
        fields["doi"] = doi[1].rstrip(".")
    key = (first[0].lower() if first else "recording") + (year[1] if year else "")
    return _entry("misc", f"{key}recording", **fields)
