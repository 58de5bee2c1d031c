"""The review queue as a page in the browser, on this machine only."""

from orchestration.review_page.app import create_app, serve

__all__ = ["create_app", "serve"]
