"""Compliance: rules of law as data, and the code that judges a run's evidence by them."""
