"""Runs ProwJobs on this machine, without Kubernetes.

It plays the parts of plank (takes a triggered ProwJob, runs it, says how it ended), clonerefs (makes the work tree)
and crier (sets the commit status). It is no sandbox: what the authors of pull requests wrote runs here, in a process
group of its own, with a clean environment, as `nobody` when we are root.
"""
