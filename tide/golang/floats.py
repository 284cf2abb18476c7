"""Floats as Go writes them into text: `1.1`, `1e+06` (Go: strconv.FormatFloat with 'g' and the shortest precision)."""

import struct
from decimal import Decimal
from math import copysign, inf, isinf, isnan

_LEAST_EXPONENT, _EXPONENT_FROM = -4, 6


def float_text(number: float) -> str:
    """Write a float as Go's strconv.FormatFloat(number, 'g', -1, 64) does: 1.10 as "1.1", 1e6 as "1e+06"."""
    return _general(repr(number))


def float32_text(number: float) -> str:
    """Write a float as Go's strconv.FormatFloat(number, 'g', -1, 32) does: with the digits that tell float32s apart."""
    if isnan(number):
        return ".nan"
    single = _as_float32(number)
    if isinf(single):
        return ".inf" if single > 0 else "-.inf"
    shortest = next(text for digits in range(9) if _as_float32(float(text := f"{single:.{digits}e}")) == single)
    return _general(shortest)


def _as_float32(number: float) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError:
        return copysign(inf, number)


def _general(text: str) -> str:
    """Lay out the digits of a decimal number as Go's %g does: an exponent below 1e-4 and from 1e6 on."""
    sign, digits, _ = Decimal(text).normalize().as_tuple()
    exponent = Decimal(text).adjusted()
    figures = "".join(map(str, digits))
    if _LEAST_EXPONENT <= exponent < _EXPONENT_FROM or not any(digits):
        return format(Decimal(text).normalize(), "f")
    fraction = f".{figures[1:]}" if figures[1:] else ""
    return f"{'-' if sign else ''}{figures[0]}{fraction}e{exponent:+03d}"
