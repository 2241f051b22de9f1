"""Profile text: a language model reads what is known of a customer and says of which category the next purchase is.

The text is made of released, de-identified fields (band of age, gender, region) and of the categories that the
customer bought before; the label is one of ten categories of the public catalogue. The language model is frozen; the
layer on top learns under differential privacy.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import ibis
import numpy as np

from models.cases.answers import intent_vectors
from models.cases.arrays import by_customer, to_frame
from models.cases.attributes import class_of_first
from models.cases.case import Embedded, Facts, Recipe, UseCase, require_columns
from models.cases.customers import one_row_each
from models.cases.encoder import Encoder
from models.cases.metrics import MeanMetric
from models.cases.support_model import Classifier, adam, loss, right
from models.cases.support_reader import Reader
from models.cases.support_text import vocabulary_of, words_in
from models.privacy.examples import CustomerExamples

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

# Ten categories of the catalogue of the Complete Journey, which anyone may know.
CATEGORIES: Final = (
    "BAG SNACKS",
    "BAKED BREAD/BUNS/ROLLS",
    "BEEF",
    "CHEESE",
    "COLD CEREAL",
    "FLUID MILK PRODUCTS",
    "FROZEN PIZZA",
    "SOFT DRINKS",
    "TROPICAL FRUIT",
    "YOGURT",
)
TABLES: Final = {
    "profile_customers": ("customer_id", "birth_date", "gender", "postcode"),
    "profile_orders": ("order_id", "customer_id", "ordered_at"),
    "profile_lines": ("order_id", "product_id", "amount"),
    "products": ("product_id", "category"),
}
OFTEN: Final = 10
_CLASSIFIER: Final = Classifier(reader=Reader(encoder=Encoder(max_tokens=64), buckets=0))
_RECIPE: Final = Recipe(sampling_rate=1.0, steps=40, max_examples=1, clipping_norm=0.5, learning_rate=0.05)


def features(customers: ir.Table, orders: ir.Table, lines: ir.Table, products: ir.Table) -> ir.Table:
    """One row for each customer whose last basket holds one of CATEGORIES: its text as of then, and that category.

    Of several the dearest counts. What was ordered in the hour of the last basket is not part of the text.
    """
    for table, (name, columns) in zip((customers, orders, lines, products), TABLES.items(), strict=True):
        require_columns(table, columns, name)
    known = {name: customers[name].min() for name in ("birth_date", "gender", "postcode")}
    people = one_row_each(customers, **known)
    bought = lines.join(products.select("product_id", "category"), "product_id").join(
        orders.select("order_id", "customer_id", "ordered_at"), "order_id"
    )
    bought = bought.semi_join(people, "customer_id").select("customer_id", "ordered_at", "category", "amount")
    last = bought.group_by("customer_id").aggregate(last=bought.ordered_at.max())
    held = bought.join(last, "customer_id")
    rows = (
        people.join(_label(held), "customer_id")
        .left_join(_often(held), "customer_id")
        .drop("customer_id_right")
    )
    return rows.mutate(text=_text(rows), place=0).drop("birth_date", "gender", "postcode", "often")


def facts(*_: ir.Table) -> Facts:
    """The categories and the vectors of their public names."""
    return {
        "intents": np.array(CATEGORIES),
        "entry_intent": np.arange(len(CATEGORIES)),
        "entry_language": np.full(len(CATEGORIES), "en"),
        "entry_vectors": _CLASSIFIER.reader.vectors([name.lower() for name in CATEGORIES]),
    }


def examples(rows: ir.Table, part: str, facts: Facts) -> CustomerExamples:
    """The texts of the customers of one part as vectors; labels are places in CATEGORIES."""
    frame = to_frame(rows.filter(rows.part == part), ("place", "category", "text"))
    labels = np.searchsorted(facts["intents"], frame.category.to_numpy(dtype=str)).astype(np.int64)
    arrays: Any = _CLASSIFIER.arrays(frame.text.tolist())
    return by_customer(frame, arrays, labels, max_examples=1)


def embedded(case: UseCase, rows: ir.Table, part: str, model: Any, facts: Facts) -> Embedded:
    """The vector of each text, and which words of the categories' names are in it."""
    del case, model, facts
    texts = to_frame(rows.filter(rows.part == part), ("text",)).text.tolist()
    given = words_in(texts, vocabulary_of(CATEGORIES))
    return Embedded(
        what="words of a profile", vectors=_CLASSIFIER.reader.vectors(texts), given=given, sets=True
    )


def nearest_name(test: CustomerExamples, facts: Facts) -> NDArray[np.float32]:
    """Baseline: how like each category's name a text is (n, m, c), by public weights alone."""
    assert isinstance(test.features, dict)
    return np.asarray(test.features["vector"] @ intent_vectors(facts).T)


def score(rows: ir.Table, model: Any, facts: Facts) -> pa.Table:
    """customer_id, the likeliest category and its probability."""
    table = rows.select("customer_id", "text").to_pyarrow()
    said = answer(table.select(["text"]).to_pandas(), model, facts)
    return table.select(["customer_id"]).append_column("category", [said.category]).append_column(
        "probability", [said.probability]
    )  # fmt: skip


def answer(frame: pd.DataFrame, model: Any, facts: Facts) -> pd.DataFrame:
    """The likeliest category of each text in `frame`, and its probability."""
    import pandas as pd
    from scipy.special import softmax

    logits = model(_CLASSIFIER.arrays(frame.text.tolist()), training=False)
    probabilities = softmax(np.asarray(logits, dtype=np.float64), axis=-1)
    likeliest = facts["intents"][probabilities.argmax(axis=1)]
    return pd.DataFrame({"category": likeliest, "probability": probabilities.max(axis=1)})


def _label(held: ir.Table) -> ir.Table:
    """customer_id and category of the dearest line of the last basket that is of CATEGORIES."""
    asked = held.filter((held.ordered_at == held.last) & held.category.isin(CATEGORIES))
    spent = asked.group_by("customer_id", "category").aggregate(spent=asked.amount.sum())
    order = ibis.window(group_by="customer_id", order_by=[spent.spent.desc(), spent.category])
    return (
        spent.mutate(rank=ibis.row_number().over(order))
        .filter(lambda row: row.rank == 0)
        .drop("rank", "spent")
    )


def _often(held: ir.Table) -> ir.Table:
    """customer_id and the categories bought most often before the last basket, most often first."""
    past = held.filter(held.ordered_at < held.last)
    counts = past.group_by("customer_id", "category").aggregate(times=past.count())
    order = ibis.window(group_by="customer_id", order_by=[counts.times.desc(), counts.category])
    best = counts.mutate(rank=ibis.row_number().over(order)).filter(lambda row: row.rank < OFTEN)
    return best.group_by("customer_id").aggregate(
        often=best.category.lower().group_concat(", ", order_by=best["rank"])
    )


def _text(rows: ir.Table) -> Any:
    words = {"F": "a woman", "M": "a man"}
    who = ibis.cases(*((rows.gender == code, word) for code, word in words.items()), else_="a customer")
    age, region = (rows[name].cast("string").fill_null("unknown") for name in ("birth_date", "postcode"))
    return who + " of " + age + " from " + region + " who often buys " + rows.often.fill_null("nothing yet")


PROFILE_TEXT: Final = UseCase(
    name="profile_text",
    title="Category of the next purchase from profile text",
    tables=TABLES,
    inputs=_CLASSIFIER.inputs,
    facts=facts,
    features=features,
    examples=examples,
    build_model=_CLASSIFIER.build,
    optimizer=partial(adam, _RECIPE.learning_rate),
    loss=loss,
    recipe=_RECIPE,
    metrics=(MeanMetric(name="accuracy", per_example=right),),
    baseline=nearest_name,
    score=score,
    request={"text": "string"},
    answer=answer,
    embedded=embedded,
    read=_CLASSIFIER.arrays,
    attributes=lambda _: (class_of_first("category of the last purchase", len(CATEGORIES)),),
)
