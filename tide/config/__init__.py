"""Configuration: Prow's own files and ours, read as Prow reads them, checked, and turned into policy's values.

The way of a file::

    files, sources     which files there are, read together, as they were at one moment
    prow/, own         typed: Prow's structs, and the file of --merge-queue-config-path
    parsing            text to model, each text once; `tide.golang` tells what YAML means
    supplements        config.yaml and its supplemental files made one
    collecting         the jobs of all files together
    completion         a job with presets, decoration and defaults filled in, and the digest of what it executes
    validation/        the rules that Prow refuses a configuration by
    job_maker, made_jobs                these two for each job, once
    fusion, merge_methods, protection   queries, methods and contexts as policy wants them
    loading, loaded    all of it put together: the port `job_config`
    reload             taken anew when the files change, whole or not at all
    check, advice/     what an operator is told

Every problem names file, line and path. They are collected, so that a load is refused with all of them at once; lines
are worked out (`places`) only when there is a problem to tell.
"""
