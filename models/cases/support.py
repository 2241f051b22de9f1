"""Customer service: what a letter is about, in English and Chinese, and which approved answer fits it.

A letter becomes a vector by public weights (English) or a public hash (Chinese, told by its script); only the layer on
top, which tells intents apart, learns from customers, under differential privacy. No vocabulary is ever learnt. The
letters are the redacted texts of a release; one in which a pattern of personal data is still found is not read.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import ibis
import numpy as np

from models.anonymity.patterns import residual_patterns
from models.cases.answers import COLUMNS, answer_base, intent_vectors, search
from models.cases.arrays import by_customer, to_frame
from models.cases.attributes import class_of_first
from models.cases.case import Attribute, Embedded, Facts, Recipe, UseCase, require_columns
from models.cases.customers import one_row_each
from models.cases.encoder import Encoder
from models.cases.metrics import MeanMetric
from models.cases.support_model import Classifier, Lora, adam, loss, right
from models.cases.support_reader import Reader
from models.cases.support_text import vocabulary_of, words_in
from models.privacy.examples import CustomerExamples

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

MAX_EXAMPLES: Final = 2
BUCKETS: Final = 1024
TICKET_COLUMNS: Final = ("ticket_id", "customer_id", "intent", "text")
CUSTOMER_COLUMNS: Final = ("customer_id",)
HEAD: Final = Recipe(
    sampling_rate=1.0, steps=40, max_examples=MAX_EXAMPLES, clipping_norm=0.5, learning_rate=0.1
)
TUNED: Final = Recipe(
    sampling_rate=0.25, steps=160, max_examples=MAX_EXAMPLES, clipping_norm=1.0, learning_rate=0.01
)


def support_case(
    *,
    name: str = "support",
    preset: str | None = None,
    max_tokens: int = 32,
    lora: Lora | None = None,
    buckets: int = BUCKETS,
    recipe: Recipe | None = None,
) -> UseCase:
    """The use case with a language model of your choice: a preset of KerasHub or a folder of one (None: MiniLM).

    With `lora` the last layers are tuned too, which costs hours where the head costs seconds. With `buckets` = 0 the
    language model reads Chinese as well: for one whose vocabulary knows it.
    """
    chosen = recipe or (HEAD if lora is None else TUNED)
    reader = Reader(encoder=Encoder(preset=preset, max_tokens=max_tokens), buckets=buckets)
    classifier = Classifier(reader=reader, lora=lora)
    return UseCase(
        name=name,
        title="Customer service",
        tables={
            "support_tickets": TICKET_COLUMNS,
            "support_customers": CUSTOMER_COLUMNS,
            "support_answers": COLUMNS,
        },
        inputs=classifier.inputs,
        facts=lambda tickets, customers, answers: answer_base(answers, reader),
        features=features,
        examples=partial(examples, classifier, max_examples=chosen.max_examples),
        build_model=classifier.build,
        optimizer=partial(adam, chosen.learning_rate),
        loss=loss,
        recipe=chosen,
        metrics=(MeanMetric(name="accuracy", per_example=right),),
        baseline=partial(nearest_intent, classifier),
        score=partial(score, classifier),
        request={"text": "string"},
        answer=partial(answer, classifier),
        attributes=attributes,
        embedded=partial(embedded, classifier),
        read=classifier.arrays,
    )


def features(tickets: ir.Table, customers: ir.Table, answers: ir.Table) -> ir.Table:
    """One row for each letter, with its place among the customer's from 0 on, decided by the letters' pseudonyms."""
    require_columns(tickets, TICKET_COLUMNS, "support_tickets")
    require_columns(customers, CUSTOMER_COLUMNS, "support_customers")
    require_columns(answers, COLUMNS, "support_answers")
    known = answers.select("intent").distinct()
    read = tickets.filter(_is_redacted(tickets.text)).semi_join(known, "intent")
    rows = read.select(*TICKET_COLUMNS).join(one_row_each(customers), "customer_id")
    place = ibis.row_number().over(ibis.window(group_by="customer_id", order_by="ticket_id"))
    return rows.mutate(place=place)


def examples(
    classifier: Classifier, rows: ir.Table, part: str, facts: Facts, *, max_examples: int
) -> CustomerExamples:
    """At most `max_examples` letters of each customer of one part as the model's inputs.

    Labels are places in `facts["intents"]`.
    """
    kept = rows.filter(rows.part == part, rows.place < max_examples)
    frame = to_frame(kept, ("place", "intent", "text"))
    labels = np.searchsorted(facts["intents"], frame.intent.to_numpy(dtype=str)).astype(np.int64)
    arrays: Any = classifier.arrays(frame.text.tolist())
    return by_customer(frame, arrays, labels, max_examples=max_examples)


def attributes(facts: Facts) -> tuple[Attribute, ...]:
    """What a letter of the customer was about."""
    return (class_of_first("intent of a letter", len(facts["intents"])),)


def embedded(
    classifier: Classifier, case: UseCase, rows: ir.Table, part: str, model: Any, facts: Facts
) -> Embedded:
    """The vector of each customer's first letter, and which words of the approved answers are in it."""
    del case, model
    texts = to_frame(rows.filter(rows.part == part, rows.place == 0), ("text",)).text.tolist()
    vocabulary = vocabulary_of(facts["entry_answer"].tolist())
    return Embedded(
        what="words of a letter",
        vectors=classifier.reader.vectors(texts),
        given=words_in(texts, vocabulary),
        sets=True,
    )


def nearest_intent(classifier: Classifier, test: CustomerExamples, facts: Facts) -> NDArray[np.float32]:
    """Baseline: how like each intent's approved questions a letter is (n, m, c), by public weights alone."""
    if classifier.lora is not None:
        from models.privacy.twin import outputs

        return outputs(classifier.build(facts), test)
    assert isinstance(test.features, dict)
    return np.asarray(test.features["vector"] @ intent_vectors(facts).T)


def score(classifier: Classifier, rows: ir.Table, model: Any, facts: Facts) -> pa.Table:
    """ticket_id, customer_id and what `reply` says of each letter in `rows`."""
    table = rows.select("ticket_id", "customer_id", "text").to_pyarrow()
    said = reply(classifier, table["text"].to_pylist(), model, facts)
    for name in ("ticket_id", "customer_id"):
        said = said.add_column(0, name, table[name])
    return said


def answer(classifier: Classifier, frame: pd.DataFrame, model: Any, facts: Facts) -> pd.DataFrame:
    """What `reply` says of each text in `frame`, as a served model says it."""
    said: pd.DataFrame = reply(classifier, frame.text.tolist(), model, facts).to_pandas()
    return said


def reply(classifier: Classifier, texts: list[str], model: Any, facts: Facts) -> pa.Table:
    """For each text intent, how sure it is, and the approved answer; for a human to answer where none is near."""
    import pyarrow as pa
    from scipy.special import softmax

    logits = model(classifier.arrays(texts), training=False)
    probabilities = softmax(np.asarray(logits, dtype=np.float64), axis=-1)
    found = search(texts, probabilities, classifier.reader, facts)
    entry_id, text = (facts[name][found.place] for name in ("entry_id", "entry_answer"))
    return pa.table(
        {
            "intent": pa.array(facts["intents"][probabilities.argmax(axis=1)]),
            "probability": pa.array(probabilities.max(axis=1)),
            "answer_id": pa.array(entry_id, mask=found.to_human),
            "answer": pa.array(text, mask=found.to_human),
            "similarity": pa.array(found.similarity),
            "to_human": pa.array(found.to_human),
        }
    )


def _is_redacted(text: Any) -> Any:
    """Whether no pattern of personal data is found, as in every released text; a missing text is not read."""
    found = [text.re_search(pattern) for pattern in residual_patterns().values()]
    return text.notnull() & ~ibis.or_(*found)


SUPPORT: Final = support_case()
