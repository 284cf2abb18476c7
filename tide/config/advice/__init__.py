"""What `tide check-config` warns of: a configuration that loads, and does not do what somebody meant it to.

A warning here must be true and worth a look: what may well be meant so is left alone.
"""

from tide.config.advice.contexts import advise_on_contexts, contradictions
from tide.config.advice.expressions import advise_on_expressions
from tide.config.advice.jobs import advise_on_jobs
from tide.config.advice.protection import advise_on_protection
from tide.config.advice.queries import advise_on_queries
from tide.config.advice.repositories import advise_on_repositories
from tide.config.advice.templates import advise_on_templates

__all__ = [
    "advise_on_contexts",
    "advise_on_expressions",
    "advise_on_jobs",
    "advise_on_protection",
    "advise_on_queries",
    "advise_on_repositories",
    "advise_on_templates",
    "contradictions",
]
