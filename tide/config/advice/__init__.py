"""What `tide check-config` warns of: a configuration that loads, and does not do what somebody meant it to.

A warning here must be true and worth a look: what may well be meant so is left alone.
"""

from tide.config.advice.contexts import advise_on_contexts, contradictions
from tide.config.advice.expressions import advise_on_expressions
from tide.config.advice.queries import advise_on_queries
from tide.config.advice.repositories import advise_on_repositories

__all__ = [
    "advise_on_contexts",
    "advise_on_expressions",
    "advise_on_queries",
    "advise_on_repositories",
    "contradictions",
]
