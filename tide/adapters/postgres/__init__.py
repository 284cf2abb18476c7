"""Postgres: what is remembered between syncs.

`embedded` runs a server of our own where none is named; `migrate` brings the schema to this program's version;
`engine` opens connections. `store.PostgresStore` is what syncs write and read, in the rooms of its port (`mirror`,
`runs`, `batches`, `standings`, `intents`, `decisions`, `history`, `retests`, `statuses`, and `marks`, by which it is
seen that nothing has changed); `views.PostgresViews` is what people and machines read; `leases.PostgresLeases` says
which replica acts; `inbox.PostgresInbox` keeps what webhooks say for it; `prowjobs.ProwJobTable` belongs to the local
runner.

A sync that finds nothing new must cost next to nothing, at any number of pull requests. So rows go in as one JSON
parameter per statement; a row that would change nothing is neither written nor locked; pull requests and decisions
are offered by digest, and only what is unknown is sent. What has to move at every sync stands in narrow rows of its
own (`pull_reads`, and `decisions.last_seen`, which moves twice a minute at most).

Nothing is held in memory between calls: any number of processes may write, and the database alone decides what is
newer.
"""
