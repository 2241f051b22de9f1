"""Contracts: what a raw table must be, as pandera schemas and as compiled rules."""
