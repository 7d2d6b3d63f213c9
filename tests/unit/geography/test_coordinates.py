"""Coordinates from one datum to another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.geography.coordinates import Datum, Point, convert

# The box without its margin: a point at the very edge may be shifted out of the box, where nothing is shifted back.
inside = st.builds(Point, st.floats(72.1, 137.7), st.floats(0.9, 55.7))
datums = st.sampled_from(Datum)


def _near(found: Point, expected: Point, within: float) -> bool:
    return abs(found.longitude - expected.longitude) < within and abs(found.latitude - expected.latitude) < within


@pytest.mark.parametrize(
    ("given_datum", "given_point", "wanted", "expected"),
    [
        (Datum.WGS84, (121.5272106, 31.1774276), Datum.GCJ02, (121.531541859215, 31.17530398364597)),
        (Datum.WGS84, (113.912316, 22.543847), Datum.GCJ02, (113.9171764808363, 22.540796131694766)),
        (Datum.WGS84, (116.377817, 39.911954), Datum.GCJ02, (116.38404722455657, 39.91334545536069)),
        (Datum.WGS84, (116.404, 39.915), Datum.GCJ02, (116.41024449916938, 39.91640428150164)),
        (Datum.GCJ02, (116.404, 39.915), Datum.BD09, (116.41036949371029, 39.92133699351021)),
    ],
)
def test_published_pairs_are_met_to_ten_decimals(
    given_datum: Datum, given_point: tuple[float, float], wanted: Datum, expected: tuple[float, float]
) -> None:
    assert _near(convert(Point(*given_point), given_datum, wanted), Point(*expected), 1e-10)


@pytest.mark.parametrize(
    ("baidu", "wanted", "expected"),
    [
        ((116.404, 39.915), Datum.WGS84, (116.3913836995125, 39.907253214522164)),
        ((118.76519558159015, 30.946576225978003), Datum.GCJ02, (118.75866025417945, 30.940779294367676)),
        ((114.06611219325782, 22.548514883102943), Datum.GCJ02, (114.05956013578918, 22.542860065931386)),
        ((116.404, 39.915), Datum.GCJ02, (116.39762729119315, 39.90865673957631)),
    ],
)
def test_the_way_back_from_baidu_is_near_the_published_approximation(
    baidu: tuple[float, float], wanted: Datum, expected: tuple[float, float]
) -> None:
    # The published inverse of BD-09 is itself off by about a metre.
    assert _near(convert(Point(*baidu), Datum.BD09, wanted), Point(*expected), 2e-5)


@given(point=inside, given_datum=datums, wanted=datums)
def test_there_and_back_again_is_the_same_place(point: Point, given_datum: Datum, wanted: Datum) -> None:
    assert _near(convert(convert(point, given_datum, wanted), wanted, given_datum), point, 1e-7)


@given(point=inside, given_datum=datums, through=datums, wanted=datums)
def test_a_detour_through_a_third_datum_changes_nothing(
    point: Point, given_datum: Datum, through: Datum, wanted: Datum
) -> None:
    direct = convert(point, given_datum, wanted)
    assert _near(convert(convert(point, given_datum, through), through, wanted), direct, 1e-7)


@pytest.mark.parametrize("place", [(-0.1276, 51.5072), (-74.006, 40.7128), (151.2093, -33.8688), (0.0, 0.0)])
def test_points_out_of_china_stay_as_they_are(place: tuple[float, float]) -> None:
    for given_datum in Datum:
        for wanted in Datum:
            assert convert(Point(*place), given_datum, wanted) == Point(*place)


@given(point=inside)
def test_the_shift_is_hundreds_of_metres_and_no_more(point: Point) -> None:
    assert _near(convert(point, Datum.WGS84, Datum.GCJ02), point, 0.02)
