"""GitHub as the code host: GraphQL for what is read in bulk, REST for refs, commits, statuses and merges.

From the outside in::

    connect   settings in, a `GitHub` out
    code_host `GitHub`, the port's implementation
    search    all pages of a search, also beyond 1,000 results      pulls     heads' contexts, reading again
    listing   what a search cannot give, from lists of repositories  scope    what a search covers
    glances   whether a pull request is as it was read              along     what is searched for beside that
    branch_rules   what GitHub itself asks of a merge               repeating one question about many things
    paging    from page to page, but not in a circle
    parse     GraphQL nodes to values of the domain                 merging   what an answer to a merge means
    graph     documents sent, partial answers kept                  documents, transport   what gql needs for it
    client    whose token is shown; what is counted, asked again, kept
    wire      one request over the one HTTP client: the next address, time-outs, limits
    answers, graph_errors   what went wrong, as an error of ours
    credentials   what is shown: a token from a file (`token`), or a GitHub App's (`app`, `installations`, `app_key`)
    limits, retries, etags, calls, endpoints   what those need
"""
