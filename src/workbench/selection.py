"""The selection policy of a programme: what its TOML says, with the key that the draws need."""

from __future__ import annotations

import secrets

from workbench.config import SelectionConfig
from workbench.scorer.keys import key_from_environment
from workbench.scorer.lanes.draw import KEY_BYTES
from workbench.scorer.lanes.policy import LaneLimit, SelectionPolicy


def limits(config: SelectionConfig) -> tuple[LaneLimit, ...]:
    """Return the capacity of the lanes that `config` states."""
    return tuple(LaneLimit(limit.lane, limit.share, limit.count) for limit in config.capacity)


def policy(config: SelectionConfig, key: bytes) -> SelectionPolicy:
    """Return the policy that `config` describes, drawing with `key`."""
    return SelectionPolicy(
        limits=limits(config),
        model_lanes=config.model_lanes,
        random_share=config.random_share,
        random_lane=config.random_lane,
        fallback_lane=config.fallback_lane,
        key=key,
        lot_lanes=config.lot_lanes,
    )


def new_key() -> bytes:
    """Return the key that the environment gives (`KEY_VARIABLE`), or a fresh one that nobody can foresee.

    Raises
    ------
    ConfigError
        `WORKBENCH_RANDOM_KEY` is set but is not 32 bytes in hexadecimal.
    """
    return key_from_environment() or secrets.token_bytes(KEY_BYTES)
