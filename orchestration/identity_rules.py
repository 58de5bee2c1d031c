"""What a project itself decides about identity: its file of deterministic rules."""

from collections.abc import Mapping

import identity
from orchestration.settings import settings


def identity_rules() -> Mapping[str, identity.Rulebook]:
    """The rules of ENISHI_IDENTITY_RULES, or the default ones; identity.RulebookError if wrong."""
    own = settings().identity_rules
    return identity.read_rules(own) if own else identity.read_rules()
