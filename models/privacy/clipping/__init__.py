"""Per-customer clipping without per-customer gradients: one backward pass, norms from what the layers saw."""
