"""Selected labels: training where only what was controlled has a label, and what reject inference makes of the rest."""
