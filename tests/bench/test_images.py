"""The arithmetic of the images' section; `tests/images/test_bench.py` measures real ones."""

import gzip

from scripts.bench.images import compressed_bytes, start_rows


def test_what_travels_is_gzip() -> None:
    """An archive that comes in pieces takes as many bytes as gzip makes of the whole."""
    pieces = [bytes(1000), b"canary" * 500, b""]
    assert compressed_bytes(pieces, 6) == len(gzip.compress(b"".join(pieces), 6))


def test_a_start_is_compared_within_its_round() -> None:
    """Median, extremes, and the median of the rounds' ratios: a slow round slows both sides down."""
    seconds = {"bare": [0.1, 0.4, 0.2], "service": [0.2, 0.8, 0.2]}
    assert start_rows(seconds) == [
        ("bare", "200", "100", "400", "1.00"),
        ("service", "200", "200", "800", "2.00"),
    ]
