"""The receiver: vendors' events and one-click unsubscriptions, kept as raw files."""

from activations.receiver.app import Receiver, create_app, serve

__all__ = ["Receiver", "create_app", "serve"]
