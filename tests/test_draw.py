"""Draws by lot: repeatable with the key, unforeseeable without it, uniform."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np

from workbench.scorer.lanes.draw import uniforms

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
