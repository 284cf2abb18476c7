"""A simulated Kubernetes API server: ProwJobs, namespaces, custom resource definitions, access reviews, watches.

``ApiObjects`` (``objects``) holds what one kind of object is, in memory, with the history that watches and paged lists
need; whoever plays a part of the cluster in this process works on it directly. ``KubernetesApi`` (``api``) serves it
over HTTP as a real server would, as far as clients of ProwJobs and ``kubectl get`` need it. Nothing is kept on disk.
"""
