"""The criteria language: a SQL boolean expression, checked, then run by Polars or written for a database.

Text goes through a gate of limits and words (``lexer``), sqlglot's parser, and one walk over an allow-list
of nodes that checks types and builds the Polars expression (``compiler``, ``functions``, ``terms``). No text
reaches Polars' own SQL. ``sql`` writes the same expression for Oracle, PostgreSQL or Spark.
"""

from .expression import Expression
from .faults import Fault, RefusedCriterionError

__all__ = ["Expression", "Fault", "RefusedCriterionError"]
