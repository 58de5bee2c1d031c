"""Stand-ins, one file per vendor: every module here that has a VENDOR is one."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from activations.sink.vendor import Vendor


@cache
def vendors() -> dict[str, Vendor]:
    """All stand-ins by the name of their destination, found by looking into this folder."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return {module.VENDOR.name: module.VENDOR for module in modules}
