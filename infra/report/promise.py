"""The promise: what (epsilon, delta) means for one customer, in numbers that a person can weigh.

Everything here follows from the definition alone, whatever the attacker knows besides, and holds for
the answer to one question: was this customer's data in the training set or not?
"""

from __future__ import annotations

from math import exp, expm1, inf


def posterior(prior: float, epsilon: float) -> float:
    """The most that an attacker who believes `prior` (0..1) can come to believe after seeing the model.

    Bayes' rule with a likelihood ratio of at most e^epsilon: p e^eps / (1 + p (e^eps - 1)). It holds
    except with a probability of about delta (Dwork & Roth 2014, section 3.5; NIST SP 800-226).
    """
    if not 0 <= prior <= 1:
        raise ValueError(f"prior {prior:g} is no probability; give a number from 0 to 1")
    if epsilon > 500:  # e^epsilon leaves the range of floats; the bound is 1 long before
        return float(prior > 0)
    return prior * exp(epsilon) / (1 + prior * expm1(epsilon))


def likelihood_ratio(epsilon: float) -> float:
    """How many times as likely any output can be with a customer's data as without: e^epsilon (1 or more)."""
    return exp(epsilon) if epsilon <= 500 else inf


def best_accuracy(epsilon: float, delta: float) -> float:
    """The share of right guesses (0.5..1) of the best attacker at a 50 % prior.

    (e^eps + delta) / (1 + e^eps), theorem 2.1 of Kairouz, Oh & Viswanath, *The Composition
    Theorem for Differential Privacy* (2015).
    """
    return min(1.0, (1 + delta * exp(-min(epsilon, 500))) / (1 + exp(-min(epsilon, 500))))


def best_power(false_positive_rate: float, epsilon: float, delta: float) -> float:
    """The highest true positive rate that any attack can reach at `false_positive_rate` (both 0..1).

    min(delta + e^eps f, 1 - e^-eps (1 - delta - f)), Theorem 2.1 of Kairouz, Oh & Viswanath (2015).
    """
    bounded = min(epsilon, 500)
    steep = delta + exp(bounded) * false_positive_rate
    flat = 1 - exp(-bounded) * (1 - delta - false_positive_rate)
    return max(0.0, min(1.0, steep, flat))
