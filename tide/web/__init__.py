"""What people and programs see of a running `tide`: the page, Tide's JSON, our API, health and metrics.

Everything is read through `tide.ports.views`, so that whoever serves the page need not be who merges. What the daemon
knows of itself comes in as a `tide.web.status.DaemonStatus`; `tide.web.app` puts the parts together.

The other way round, `tide.web.hooks` takes webhooks: each becomes a hint of where to look, and nothing more.
"""
