"""Differentially private training: plan, sampling, clipping, noise, accounting and evaluation."""
