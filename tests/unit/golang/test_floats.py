import pytest

from tide.golang.floats import float32_text, float_text


@pytest.mark.parametrize(
    ("number", "text"),
    [(1.10, "1.1"), (8.0, "8"), (1e5, "100000"), (1e6, "1e+06"), (1234567.5, "1.2345675e+06"), (0.00001, "1e-05")],
)
def test_floats_are_written_as_in_go(number: float, text: str) -> None:
    assert float_text(number) == text


def test_the_largest_float32_is_written_though_fewer_digits_of_it_are_too_large() -> None:
    assert float32_text(3.4025000633641588e38) == "3.4025002e+38"
    assert float32_text(3.5e38) == ".inf"
