"""Configuration: Prow's own files and ours, read as Prow reads them, checked, and turned into policy's values.

`files` finds and reads files, `go_yaml` gives what is in them, `models` types it, `loading` puts the files together and
checks them, `translation` makes the values of `tide.domain` of it, `loaded` answers the port `job_config`, `own` reads
the file of --merge-queue-config-path, `reload` keeps it all fresh, `check` tells an operator what was found.
Every problem names file, line and path; they are all collected before a load is refused.
"""
