"""The root of every error that Privet raises on purpose."""

from __future__ import annotations


class PrivetError(Exception):
    """An error that is safe to show: rule, value and way out, and never a customer's data.

    Each package has one family below this root, each also a built-in kind. Whatever is not a
    `PrivetError` may quote data and is scrubbed before it leaves a task.
    """
