"""How Go's libraries read and write: what Prow's files and arguments mean, and what Deck reads. No rule of the queue.

    yaml_reader    sigs.k8s.io/yaml: configuration
    json_writer    encoding/json: pools and history
    template/      text/template, fmt and time: the texts of commits
    regexp         regexp: expressions of jobs, contexts and branches
    durations      time.ParseDuration: in configuration and flags
    floats         strconv.FormatFloat: numbers where text is wanted
    cron           gopkg.in/robfig/cron.v2 and github.com/robfig/cron/v3: when a periodic runs

Pure, and below the rules: nothing here knows of pull requests or jobs. How encoding/json fills a struct is told by the
models of configuration (`tide.config.prow.values`), how the flag package reads arguments by `tide.cli.go_flags`.
"""
