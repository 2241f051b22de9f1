"""Attacks: what a trained model gives away, measured; every result carries its interval."""
