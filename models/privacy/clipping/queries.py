"""The query of a plan: how customers' gradients are clipped before they are summed and noised."""

from __future__ import annotations

from typing import Any, ClassVar

import tensorflow as tf

from models.privacy.clipping.groups import Groups, clipped_by_group, layer_groups
from models.privacy.clipping.rule import Clipping
from models.privacy.noise import GaussianNoise
from models.privacy.plan import PrivacyPlan
from models.privacy.query import CustomerSumQuery, Drawn


class PerLayerSumQuery(CustomerSumQuery):
    """Sum over customers with L2 sensitivity C = `clipping_norm`, each of K `groups` clipped to C / sqrt(K).

    Sensitivity, noise and event are those of flat clipping: K parts of norm at most C / sqrt(K) are together at
    most C. Only which of a customer's directions are shortened differs.
    """

    clipping: ClassVar[Clipping] = "per-layer"
    groups: Groups

    def __init__(
        self, *, clipping_norm: float, stddev: float, noise: GaussianNoise | Drawn, groups: Groups
    ) -> None:
        super().__init__(clipping_norm=clipping_norm, stddev=stddev, noise=noise)
        self.groups = groups

    def preprocess_record_impl(self, params: Any, record: Any) -> tuple[Any, Any]:
        """One customer's gradient with every group scaled to norm at most `params` / sqrt(K), and its norm before."""
        scaled, norm = clipped_by_group(tf.nest.flatten(record), self.groups, params)
        return tf.nest.pack_sequence_as(record, scaled), norm


def query_of(plan: PrivacyPlan, model: Any, noise: GaussianNoise | Drawn) -> CustomerSumQuery:
    """The query that clips the gradients of `model` as `plan` says; with adaptive clipping that of the first step."""
    norms = {"clipping_norm": plan.clipping_norm, "stddev": plan.noise_stddev}
    if plan.clipping == "per-layer":
        return PerLayerSumQuery(**norms, noise=noise, groups=layer_groups(model))
    return CustomerSumQuery(**norms, noise=noise)
