"""Local copies of repositories, kept by the `git` program (see `bare_repositories`)."""
