"""A merge queue for GitHub in the family of Prow's Tide.

A signal only says "look again"; each sync reads the world once, pure functions turn what was read into actions
with reasons, and the shell does those actions. State flows one way; nothing downstream asks upstream::

    timer ─┐
    webhook┼─► wakeups ─► sync of the pools touched (one at a time per pool)
    run    ┘                 │
                          observe ─► Snapshot ─► decide ─► Decision ─► intent ─► enact ─► Outcome ─► record
                          (ports)    (frozen)    (pure)    (actions    (Store)   (ports)             (Store)
                                                            + reasons)
                                  page, API, explain and history read the Store only ◄────────────────┘

The rooms: `domain` (values), `policy` (pure rules), `ports` (what the outside must offer), `sync` (the use case),
`adapters` (one per outside system), `config` (Prow's files and our own), `daemon` (when to look), `web` (the page),
`sandbox` (a GitHub of our own), `app` (where they meet).
"""

__version__ = "0.1.0"
