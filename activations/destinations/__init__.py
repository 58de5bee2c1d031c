"""Destinations, one file each: every module here that has a DESTINATION is one."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from activations.destinations.base import Destination


@cache
def destinations() -> dict[str, Destination]:
    """All destinations by name, found by looking into this folder."""
    found = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return {m.DESTINATION.name: m.DESTINATION for m in found if hasattr(m, "DESTINATION")}
