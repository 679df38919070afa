"""HourNAS: vital blocks first, then the rest within what a budget affords (Yang et al., CVPR 2021)."""

from neuroguide.nas.hournas.budget import Budget, check_reachable, parse_budget, within
from neuroguide.nas.hournas.derived import derive, measure
from neuroguide.nas.hournas.proposal import Proposals, ProposalSettings, affordable_share, propose
from neuroguide.nas.hournas.results import HourNASRun
from neuroguide.nas.hournas.running import HourNASProgress, hournas, resume_hournas
from neuroguide.nas.hournas.search import HourNAS
from neuroguide.nas.hournas.settings import HourNASSettings
from neuroguide.nas.hournas.supernet import Supernet, counted_table
from neuroguide.nas.hournas.table import CostTable

__all__ = [
    "Budget",
    "CostTable",
    "HourNAS",
    "HourNASProgress",
    "HourNASRun",
    "HourNASSettings",
    "ProposalSettings",
    "Proposals",
    "Supernet",
    "affordable_share",
    "check_reachable",
    "counted_table",
    "derive",
    "hournas",
    "measure",
    "parse_budget",
    "propose",
    "resume_hournas",
    "within",
]
