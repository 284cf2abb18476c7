"""The use case: read the world once, decide, act, record.

`refresh` and `observe` are the only readers, `enact` and `landing` the only writers to the outside; between them
`tide.policy` decides. `sync` is one turn of it. `turns` bounds how many there are at once, `readings` reads together
what is woken together, and `resting` lets be what would be decided as before.
"""
