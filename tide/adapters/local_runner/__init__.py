"""Runs ProwJobs on this machine, without Kubernetes.

It plays the parts of plank (takes a triggered ProwJob, runs it, says how it ended), clonerefs (makes the work tree)
and crier (sets the commit status). It is no sandbox: what the authors of pull requests wrote runs here, with a clean
environment and within limits. As root each job has an account of its own, with which all that it started ends; as an
ordinary user it is us, and can read and write what we can.
"""
