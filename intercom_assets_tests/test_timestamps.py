"""Times in every form that Intercom sends them in (rule 6)."""

import pytest

from intercom_assets.streams.timestamps import parse_epoch, to_iso


@pytest.mark.parametrize(
    ("value", "iso"),
    [
        (1_700_000_000, "2023-11-14T22:13:20Z"),  # seconds, the usual form
        (1_700_000_000_123, "2023-11-14T22:13:20.123000Z"),  # milliseconds
        (1_700_000_000.5, "2023-11-14T22:13:20.500000Z"),
        ("1700000000", "2023-11-14T22:13:20Z"),  # data exports send numbers as text
        ("1700000000123", "2023-11-14T22:13:20.123000Z"),
        ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"),
        ("2023-11-14T23:13:20+01:00", "2023-11-14T22:13:20Z"),
        ("2023-11-14 22:13:20", "2023-11-14T22:13:20Z"),  # without an offset it is UTC
        ("2024-01-31", "2024-01-31T00:00:00Z"),
        ("20240131", "2024-01-31T00:00:00Z"),  # a compact date, not 1970
        (0, "1970-01-01T00:00:00Z"),
        (-86_400, "1969-12-31T00:00:00Z"),  # birthdays lie before 1970
        (-2_208_988_800_000, "1900-01-01T00:00:00Z"),
    ],
)
def test_every_form_is_the_same_moment(value: object, iso: str) -> None:
    assert to_iso(value) == iso


@pytest.mark.parametrize(
    "value", [None, "", "n/a", "soon", True, {}, [], 10**30, float("inf"), "--5"]
)
def test_what_is_no_time_is_told_apart(value: object) -> None:
    assert to_iso(value) is None
    assert parse_epoch(value) is None


def test_epochs_round_down_before_1970_too() -> None:
    assert parse_epoch(-0.5) == -1
    assert parse_epoch("2023-11-14T22:13:20.999Z") == 1_700_000_000
