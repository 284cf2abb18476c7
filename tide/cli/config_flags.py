"""The flags that say where the configuration is: Prow's names and meaning, and our own file."""

from pathlib import Path

import click

from tide.config.sources import SUPPLEMENTAL_SUFFIX

_FILE = click.Path(path_type=Path)

CONFIG_FLAGS = (
    click.option("--config-path", type=_FILE, required=True, help="Prow's config.yaml."),
    click.option("--job-config-path", type=_FILE, help="Prow's job files: a file, or a directory tree."),
    click.option(
        "--supplemental-prow-config-dir",
        type=_FILE,
        multiple=True,
        help="A directory of files to merge into config.yaml; may be given several times.",
    ),
    click.option(
        "--supplemental-prow-configs-filename-suffix",
        "--supplemental-prow-configs-filename",
        "supplemental_suffix",
        default=SUPPLEMENTAL_SUFFIX,
        show_default=True,
        help="How the names of the files in those directories end.",
    ),
    click.option("--merge-queue-config-path", type=_FILE, help="Settings that Prow does not have (merge_queue:)."),
)
"""Options that give config_path, job_config_path, supplemental_prow_config_dir, supplemental_suffix and
merge_queue_config_path."""
