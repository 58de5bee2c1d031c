"""The receiver: vendors' events and one-click unsubscriptions, kept as raw files."""

from activations.receiver.app import Receiver, create_app, serve
from activations.receiver.journal import withdrawn

__all__ = ["Receiver", "create_app", "serve", "withdrawn"]
