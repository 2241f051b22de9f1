"""Stages: each task resolves references to values, calls pure code, stores the result and records it."""
