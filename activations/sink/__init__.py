"""The local sink: one process that behaves as the vendors do, for demonstrations and tests."""

from activations.sink.page import render
from activations.sink.server import address_of, running_sink, serve
from activations.sink.store import Store
from activations.sink.vendor import SECRETS

__all__ = ["SECRETS", "Store", "address_of", "render", "running_sink", "serve"]
