"""The renderer of the built-in objects: eight categories of eight solid objects on natural-statistics backgrounds.

Made after the stimuli of Majaj, Hong, Solomon & DiCarlo 2015 (the HvM images: Animals, Boats, Cars, Chairs, Faces,
Fruits, Planes, Tables), whose own models and photographs are not used.
"""

from neuroguide.models.render.catalogue import CATEGORIES, OBJECTS, category_of
from neuroguide.models.render.images import ObjectImages, object_images
from neuroguide.models.render.scenes import VARIATIONS, sample_parameters
from neuroguide.models.render.tracing import render_objects

__all__ = [
    "CATEGORIES",
    "OBJECTS",
    "VARIATIONS",
    "ObjectImages",
    "category_of",
    "object_images",
    "render_objects",
    "sample_parameters",
]
