"""What a candidate of a search is worth: its accuracy, its similarity to a teacher, or both."""

from neuroguide.nas.guides.auto import Auto, AutoWeights, PreparedAuto
from neuroguide.nas.guides.base import Guide, Measures, PreparedGuide
from neuroguide.nas.guides.combined import Combined, PreparedCombined
from neuroguide.nas.guides.opening import open_guide
from neuroguide.nas.guides.performance import Performance
from neuroguide.nas.guides.prepared import PreparedTeacher
from neuroguide.nas.guides.standard import Standard
from neuroguide.nas.guides.storage import guide_loaders, load
from neuroguide.nas.guides.teacher import Teacher, Teachers

__all__ = [
    "Auto",
    "AutoWeights",
    "Combined",
    "Guide",
    "Measures",
    "Performance",
    "PreparedAuto",
    "PreparedCombined",
    "PreparedGuide",
    "PreparedTeacher",
    "Standard",
    "Teacher",
    "Teachers",
    "guide_loaders",
    "load",
    "open_guide",
]
