"""Policies: what to control, each a small class; `spec` reads how the command line names them."""
