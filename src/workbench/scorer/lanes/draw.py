"""Drawing by lot, repeatably: whoever holds the key gets the same sample, nobody else can foresee it."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

KEY_BYTES = 32


def uniforms(key: bytes, purpose: str, names: Iterable[str]) -> npt.NDArray[np.float64]:
    """Return one number in [0, 1) for each name: the first 53 bits of HMAC-SHA256(key, purpose NUL name).

    Parameters
    ----------
    key
        Secret key.
    purpose
        What the numbers are for; draws for different purposes are independent of each other.
    names
        What is drawn, for example declaration numbers. The order and the company of names change nothing.

    Source: FIPS 198-1 (HMAC).

    >>> bool(uniforms(b"k", "random", ["D1"])[0] == uniforms(b"k", "random", ["D2", "D1"])[1])
    True
    """
    prefix = purpose.encode() + b"\0"
    digest = hmac.digest
    digests = b"".join([digest(key, prefix + name.encode(), "sha256") for name in names])
    words = np.frombuffer(digests, dtype=">u8")[::4]
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
