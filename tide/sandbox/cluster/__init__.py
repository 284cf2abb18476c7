"""A simulated Prow cluster behind the simulated API server: what happens to ProwJobs there.

``Cluster`` puts the parts together: ``Trigger`` starts and aborts the jobs of pull requests, ``Plank`` runs ProwJobs
(time passes, and the verdict is that of the merged tree; no container is started), ``Crier`` reports them as commit
statuses, ``Sinker`` deletes old ones. Each works on ``ApiObjects`` directly, as its like in Prow does through the API,
and keeps nothing that the objects could tell. Time and chance come in from outside.
"""
