"""HourNAS: vital blocks first, then the rest within what a budget affords (Yang et al., CVPR 2021)."""

from neuroguide.nas.hournas.budget import Budget, check_reachable, parse_budget, within
from neuroguide.nas.hournas.derived import derive, measure
from neuroguide.nas.hournas.proposal import Proposals, ProposalSettings, affordable_share, propose
from neuroguide.nas.hournas.search import HourNAS
from neuroguide.nas.hournas.settings import HourNASSettings
from neuroguide.nas.hournas.supernet import Supernet, counted_table
from neuroguide.nas.hournas.table import CostTable

__all__ = [
    "Budget",
    "CostTable",
    "HourNAS",
    "HourNASSettings",
    "ProposalSettings",
    "Proposals",
    "Supernet",
    "affordable_share",
    "check_reachable",
    "counted_table",
    "derive",
    "measure",
    "parse_budget",
    "propose",
    "within",
]
