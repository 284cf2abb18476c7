import click
import pytest

from tide.cli.sizes import Size


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("1000", 1000), ("512Mi", 536_870_912), ("8Gi", 8 * 1024**3), ("1Ti", 1024**4)]
)
def test_a_size_is_read_as_kubernetes_writes_it(text: str, size: int) -> None:
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "8G", "-1", "1.5Gi", "8 Gi", "Gi", "9" * 16])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a size such as 512Mi or 8Gi"):
        Size().convert(text, None, None)
