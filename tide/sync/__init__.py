"""The use case: read the world once, decide, act, record.

`refresh` and `observe` are the only readers, `enact` and `landing` the only writers to the outside; between them
`tide.policy` decides. `sync` is one turn of it.
"""
