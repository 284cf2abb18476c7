"""A simulated GitHub (and the cluster of Prow beside it) that speaks the true protocols, on one port.

The model comes first: :mod:`tide.sandbox.model` holds what exists, :class:`tide.sandbox.state.Forge` is the only door
through which it changes, and every change is published to whoever subscribed (webhooks, the search index, the
scenario's truth). REST, GraphQL, ``git push`` and the scenario's contributors all go through that same door, so that
they cannot disagree. Repositories are real bare git repositories; merges are made by git in a work tree.

Time is injected (``Forge.now``); nothing in here reads a clock by itself.
"""
