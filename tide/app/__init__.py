"""The composition root: the one place that names every concrete adapter and puts them together.

Nothing is imported here, so that a command pays only for what it uses.
"""
