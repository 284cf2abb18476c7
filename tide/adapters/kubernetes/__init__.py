"""ProwJobs on Kubernetes (`prow.k8s.io/v1`).

`connect.kubernetes` gives a `runner.KubernetesRunner`, which begins runs and answers from a `cache.Cache` that
`following.Follower` keeps in step by one list and then watches. `prowjob_api` says what is asked of the API server,
`api_server` how, and `failures` what it means when that goes wrong.

`access` lets us in: `finding` finds the cluster, `kubeconfig` says what may stand in its files, `held` what they hold
now, and `exec_plugin` runs the program that brings credentials, where one is named. All of it is read again when it
changes or is refused; `contact` tells when that has not helped for long.
"""
