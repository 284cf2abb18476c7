"""What is remembered between syncs, as plain values that end with the process: for tests, which need no Postgres then.

`tables.Tables` stands for the database, which any number of the others may share: `store.MemoryStore` (in the rooms of
its port), `views.MemoryViews`, `leases.MemoryLeases` and `inbox.MemoryInbox`. They keep what Postgres keeps of a value,
so texts are as Postgres would give them back.

Each change is made without a single `await`, so that it takes effect as a whole or not at all.
"""
