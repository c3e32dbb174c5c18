"""``python -m workbench.cli``, for machines on which scripts are not on the path."""

from workbench.cli import main

main()
