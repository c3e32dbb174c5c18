"""Random arm: daily secrets of the lots, committed to ahead and revealed afterwards, so that all can be checked."""
