"""The Prow configuration of the demonstration's repositories."""

from tide.sandbox.scenarios.story import Story

_CONFIG = """\
# The configuration of the demonstration, as Prow would read it.
github:
  link_url: {url}
tide:
  # Webhooks tell what happens in between.
  sync_period: {sync_period}
  queries:
    - orgs: [acme]
      labels: [lgtm, approved]
      missingLabels: [do-not-merge/hold]
presubmits:
"""
_PRESUBMIT = """\
  {repo}:
    - name: unit
      always_run: true
      decorate: true
      decoration_config: {{timeout: 1m}}
      spec:
        containers:
          - image: none
            command: [sh, ci/check.sh, unit]
"""


def demo_config(story: Story, url: str, *, sync_period: str) -> str:
    """Write the configuration for the repositories of a story of the demonstration.

    Args:
        story: its repositories all belong to `acme`, and their code brings its own suite.
        url: the address of the code host, for links.
        sync_period: how often everything is looked at, such as `10s`.
    """
    presubmits = (_PRESUBMIT.format(repo=plot.full_name) for plot in story.plots)
    return _CONFIG.format(url=url, sync_period=sync_period) + "".join(presubmits)
