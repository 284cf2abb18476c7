"""GitHub's REST API over the forge: ``api`` answers, ``shapes_*`` show records, the others hold the endpoints.

An endpoint is a coroutine from a ``Call`` to an ``Answer``; it raises ``RestError`` for what GitHub refuses. Who may
ask, rate limits, conditional requests and headers are dealt with once, in ``api``.
"""
