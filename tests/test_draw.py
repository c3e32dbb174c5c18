"""Draws by lot: repeatable with the key, unforeseeable without it, uniform; and the force that goes before the lot."""

from __future__ import annotations

import hashlib
import hmac
from itertools import product

import numpy as np
import pytest

from workbench.scorer.lanes.draw import uniforms
from workbench.scorer.lanes.forced import force, selection_probabilities

NAMES = [f"D{number}" for number in range(20_000)]


def test_same_seed_and_key_give_the_same_random_sample() -> None:
    assert (uniforms(b"key", "random", NAMES) == uniforms(b"key", "random", NAMES)).all()


def test_another_key_or_purpose_gives_another_sample() -> None:
    first = uniforms(b"key", "random", NAMES) < 0.1
    for other in (uniforms(b"yek", "random", NAMES) < 0.1, uniforms(b"key", "criterion:c", NAMES) < 0.1):
        # Independent samples of 10 % share 1 % of the names: 200 of 20,000, standard deviation 14.
        assert abs((first & other).sum() - 200) < 70


def test_company_and_order_of_names_change_no_draw() -> None:
    alone = [uniforms(b"key", "random", [name])[0] for name in NAMES[:50]]
    assert alone == uniforms(b"key", "random", NAMES[:50][::-1])[::-1].tolist()


def test_draws_are_uniform_in_the_half_open_unit_interval() -> None:
    draws = uniforms(b"key", "random", NAMES)
    counts = np.histogram(draws, bins=20, range=(0, 1))[0]
    assert (draws >= 0).all()
    assert (draws < 1).all()
    assert np.abs(counts - 1000).max() < 5 * 31  # five standard deviations


def test_a_draw_is_the_first_53_bits_of_the_hmac() -> None:
    digest = hmac.new(b"key", b"random\0D1", hashlib.sha256).digest()
    assert uniforms(b"key", "random", ["D1"])[0] == (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def test_names_of_any_script_and_none_at_all_are_drawn() -> None:
    assert len(uniforms(b"key", "random", [])) == 0
    assert len(set(uniforms(b"key", "random", ["", "Ω", "\0", "D1"]))) == 4


# --- forced selection --------------------------------------------------------------------------------------------


def _one_by_one(drawn: list[bool], forced_after: int, passed_over: int) -> tuple[list[bool], int]:
    """Force as the manual says it: count what is passed over, and select when the count is reached."""
    forced = []
    for one in drawn:
        forced.append(not one and passed_over >= forced_after)
        passed_over = 0 if one or forced[-1] else passed_over + 1
    return forced, passed_over


@pytest.mark.parametrize("forced_after", [0, 1, 3])
@pytest.mark.parametrize("passed_over", [0, 1, 3])
def test_force_counts_what_is_passed_over_in_every_course_of_eight_draws(forced_after: int, passed_over: int) -> None:
    start = min(passed_over, forced_after)
    for drawn in product([False, True], repeat=8):
        forced, left = force(np.array(drawn), forced_after, passed_over)
        assert (forced.tolist(), left) == _one_by_one(list(drawn), forced_after, start)


def test_without_hits_the_count_stays_where_it_was() -> None:
    assert force(np.array([], dtype=bool), 5, 3)[1] == 3


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("forced_after", [0, 2, 9])
@pytest.mark.parametrize("passed_over", [0, 2])
def test_the_probability_of_a_hit_is_the_sum_over_all_courses_of_the_draws(
    share: float, forced_after: int, passed_over: int
) -> None:
    expected = np.zeros(8)
    for drawn in product([False, True], repeat=8):
        weight = np.prod([share if one else 1 - share for one in drawn])
        expected += weight * (np.array(drawn) | force(np.array(drawn), forced_after, passed_over)[0])
    assert selection_probabilities(8, share, forced_after, passed_over) == pytest.approx(expected)
