"""What Go's libraries make of a text, which is what Prow's files and arguments mean. No rule of the queue is here.

    yaml_reader    sigs.k8s.io/yaml: configuration
    json_writer    encoding/json: pools and history as Tide serves them
    template/      text/template: the texts of commits
    regexp         regexp: what the expressions of jobs and contexts match
    durations      time.Duration: how long, in configuration and flags
    cron           gopkg.in/robfig/cron.v2 and v3: when a periodic runs
    floats         strconv: numbers where text is wanted

Pure, and below the rules: nothing here knows of pull requests, jobs or Prow.
"""
