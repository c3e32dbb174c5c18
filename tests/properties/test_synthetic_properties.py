"""Properties of the generator's draws, and of worlds of any small size."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.scorer.schema import KEY
from workbench.synthetic import WorldConfig, simulate_world
from workbench.synthetic.draws import draw_share, pick_by_row, pick_grouped, stream

weights = st.lists(st.sampled_from([0.0, 0.0, 0.3, 1.0, 50.0]), min_size=1, max_size=30)
matrices = st.integers(1, 6).flatmap(
    lambda width: st.lists(
        st.lists(st.sampled_from([0.0, 0.5, 1.0, 9.0]), min_size=width, max_size=width).filter(any),
        min_size=1,
        max_size=8,
    )
)
seeds = st.integers(0, 2**32)


@given(weights, st.integers(-2, 40), seeds)
def test_a_share_has_the_count_asked_for_and_nothing_of_weight_zero(weight: list[float], count: int, seed: int) -> None:
    chosen = draw_share(stream(seed, "share"), np.array(weight), count)
    assert chosen.sum() == max(0, min(count, np.count_nonzero(weight)))
    assert not chosen[np.array(weight) == 0].any()


@given(matrices, seeds)
def test_a_column_of_weight_zero_is_never_picked(matrix: list[list[float]], seed: int) -> None:
    table, row = np.array(matrix), np.arange(len(matrix))
    assert (table[row, pick_by_row(stream(seed, "rows"), table)] > 0).all()
    assert (table[row, pick_grouped(stream(seed, "groups"), table, row)] > 0).all()


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 400), months=st.integers(1, 24), seed=seeds, rate=st.sampled_from([0.0, 0.0044, 0.3]))
def test_any_small_world_is_whole(rows: int, months: int, seed: int, rate: float) -> None:
    tables = simulate_world(rows=rows, months=months, seed=seed, config=WorldConfig(violation_rate=rate))
    keys = tables.declarations.select(KEY)
    assert keys.height == keys.unique().height == rows
    assert tables.outcomes.select(KEY).equals(keys)
    assert tables.truth.select(KEY).equals(keys)
    assert tables.truth["fraudulent"].any() <= (rate > 0)
