"""Stand-ins, one file per vendor: each lists under VENDORS for which destinations it stands in."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from activations.sink.vendor import Vendor


@cache
def vendors() -> dict[str, Vendor]:
    """All stand-ins by the name of their destination, found by looking into this folder."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return {vendor.name: vendor for module in modules for vendor in module.VENDORS}
