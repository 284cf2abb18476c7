"""ProwJobs on Kubernetes (`prow.k8s.io/v1`).

`connect.kubernetes` finds the cluster and gives a `runner.KubernetesRunner`, which begins runs and answers from a
`cache.Cache` that `following.Follower` keeps in step by one list and then watches. `prowjob_api` says what is asked of
the API server, `api_server` how, and `failures` what it means when that goes wrong. lightkube reads kubeconfigs and
brings certificates and tokens.
"""
