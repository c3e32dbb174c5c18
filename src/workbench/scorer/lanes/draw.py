"""Drawing by lot, repeatably: whoever holds the key gets the same sample, nobody else can foresee it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

KEY_BYTES = 32

_BLOCK_BYTES = 64
_INNER_PAD, _OUTER_PAD = 0x36, 0x5C


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
    inner, outer = _padded(key, _INNER_PAD) + purpose.encode() + b"\0", _padded(key, _OUTER_PAD)
    sha256 = hashlib.sha256
    # Written out as its two hashes: hmac.digest looks its algorithm up for every name and takes three times as long.
    digests = b"".join([sha256(outer + sha256(inner + name.encode()).digest()).digest() for name in names])
    words = np.frombuffer(digests, dtype=">u8")[::4]
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _padded(key: bytes, pad: int) -> bytes:
    short = key if len(key) <= _BLOCK_BYTES else hashlib.sha256(key).digest()
    return bytes(byte ^ pad for byte in short.ljust(_BLOCK_BYTES, b"\0"))
