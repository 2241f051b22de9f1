"""Spec reader: every problem with its line, key and way out, and no value of the file."""

import textwrap

import pytest

from infra.spec import SpecError, read_spec

GOOD = textwrap.dedent("""\
    shop: my-shop
    regimes: [gdpr]
    customers: {table: customers, public_bound: 5000}
    budget: {epsilon: 6, delta: 1e-5}
    purposes:
      fraud_detection:
        basis: {gdpr: contract}
        reason: to recognise stolen accounts
    tables:
      customers:
        source: customers.csv
        key: [customer_id]
        customer: customer_id
        columns:
          customer_id: {role: key}
          born: {role: quasi_identifier, type: date, transform: {kind: drop}}
      orders:
        source: orders.csv
        key: [order_id]
        customer: customer_id
        columns:
          order_id: {role: key}
          customer_id: {role: key, references: customers.customer_id}
          amount:
            role: attribute
            type: number
            range: [0, 100]
            transform:
              kind: round
              step: 1
    releases:
      events: {product: events, table: orders, purpose: fraud_detection, columns: [customer_id, amount]}
    use_cases:
      fraud: {case: fraud, purpose: fraud_detection, tables: [events]}
    """)
AMOUNT = "tables.orders.columns.amount"


@pytest.fixture
def problems_of(tmp_path):
    def read(text):
        path = tmp_path / "shop.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(SpecError) as caught:
            read_spec(path)
        return caught.value.problems

    return read


def test_a_good_spec_is_read(tmp_path):
    (tmp_path / "shop.yaml").write_text("\ufeff" + GOOD)
    spec = read_spec(tmp_path / "shop.yaml")
    assert spec.tables["orders"].columns["amount"].transform.kind == "round"
    assert spec.budget.delta == 1e-5


ONE_PROBLEM = [
    ("kind: round", "kind: rond", 29, f"{AMOUNT}.transform: unknown transform 'rond'; did you mean 'round'?"),
    ("kind: round", "kind: zzz", 29, f"{AMOUNT}.transform: unknown transform 'zzz'; use one of drop, keep"),
    ("step: 1\n", "stp: 1\n", 30, f"{AMOUNT}.transform.stp: unknown key; did you mean 'step'?"),
    ("step: 1\n", "stp: 1\n", 28, f"{AMOUNT}.transform.step: is missing; add it"),
    ("step: 1\n", "step: -5\n", 30, f"{AMOUNT}.transform.step: it should be greater than 0"),
    ("step: 1\n", "step: .inf\n", 30, f"{AMOUNT}.transform.step: is no finite number"),
    ("step: 1\n", "step: inf\n", 30, f"{AMOUNT}.transform.step: must be a finite number"),
    (
        "role: attribute",
        "role: atribute",
        25,
        f"{AMOUNT}.role: unknown role 'atribute'; did you mean 'attribute'?",
    ),
    ("role: attribute", "rol: attribute", 25, f"{AMOUNT}.rol: unknown key; did you mean 'role'?"),
    ("range: [0, 100]", "range: [0, many]", 27, f"{AMOUNT}.range: has none of the forms"),
    (
        "{role: key}\n      born",
        "{role: key, role: label}\n      born",
        15,
        "this key stands on line 15 already",
    ),
    ("regimes: [gdpr]", "regimes: [gpdr]", 2, "regimes.0: unknown regimes 'gpdr'; did you mean 'gdpr'?"),
    ("{gdpr: contract}", "{gdp: contract}", 7, "basis.gdp: unknown key 'gdp'; did you mean 'gdpr'?"),
    ("kind: drop", "knd: drop", 16, "says no kind; write for example transform: {kind: drop}"),
    (
        "{kind: drop}",
        "drop",
        16,
        "tables.customers.columns.born.transform: must be a mapping of keys such as",
    ),
    ("shop: my-shop", "shop: my-shop\nshopp: x", 2, "shopp: unknown key; did you mean 'shop'?"),
    ("shop: my-shop", "shop: 12", 1, "shop: must be text; put it in quotes"),
    ("shop: my-shop", "shop: 2026-13-45", 1, "shop: is no finite number or no date"),
    ("shop: my-shop", f"shop: {'9' * 5000}", 1, "shop: is no finite number or no date"),
    ("shop: my-shop", f"shop: 1{':10' * 100_000}", 1, "shop: is no finite number or no date"),
    ("shop: my-shop", "shop: !!python/name:os.system x", 1, "shop: YAML tags (!name) are not read"),
    ("shop: my-shop", "shop: !!binary aGk=", 1, "shop: YAML tags (!name) are not read"),
    ("shop: my-shop", "shop: &a my-shop\ntimezone: *a", 2, "aliases (*name) are not read"),
    ("shop: my-shop", "shop: my-shop\n1: x", 2, "has a key that YAML does not read as text"),
    ("shop: my-shop", "shop: my-shop\n<<: {a: b}", 2, "has a key that YAML does not read as text"),
    ("shop: my-shop", "shop: my-shop\n\tx: 1", 2, "is not one plain YAML document"),
    ("shop: my-shop", "shop: [my-shop", 2, "is not one plain YAML document"),
    ("shop: my-shop", "shop: x\n---\nshop: my-shop", 2, "is not one plain YAML document"),
    ("shop: my-shop", "shop: " + "[" * 5000, 1, "is nested deeper than 20 levels"),
    ("purpose: fraud_detection, tables", "purpose: ads, tables", 34, "use_cases.fraud: has purpose 'ads'"),
    (
        "references: customers.customer_id",
        "references: customers.id",
        23,
        "references: 'customers.id' is unknown",
    ),
    ("type: date, transform: {kind: drop}", "type: date", 16, "columns.born: a quasi-identifier needs"),
]


@pytest.mark.parametrize(("old", "new", "line", "text"), ONE_PROBLEM)
def test_a_problem_has_its_line_key_and_way_out(problems_of, old, new, line, text):
    assert GOOD.count(old) >= 1
    problems = problems_of(GOOD.replace(old, new, 1))
    mine = [problem for problem in problems if text in problem]
    assert mine, problems
    assert mine[0].startswith(f"shop.yaml line {line}, ")
    assert len(problems) <= 2


def test_problems_are_shown_together_in_order(problems_of):
    bad = GOOD.replace("kind: round", "kind: rond").replace("product: events", "product: event")
    problems = problems_of(bad.replace("public_bound: 5000", "public_bound: 5"))
    assert [problem.split(",")[0] for problem in problems] == [f"shop.yaml line {n}" for n in (3, 29, 32)]
    crossing = GOOD.replace("purpose: fraud_detection", "purpose: ads").replace(
        "customers.customer_id", "no.no"
    )
    assert len(problems_of(crossing)) == 2


def test_ten_problems_are_shown_and_all_are_kept(problems_of, tmp_path):
    many = GOOD + "".join(f"unknown_{n}: 1\n" for n in range(15))
    assert len(problems_of(many)) == 15
    with pytest.raises(SpecError) as caught:
        read_spec(tmp_path / "shop.yaml")
    shown = str(caught.value).splitlines()
    assert len(shown) == 11
    assert shown[-1] == "... and 5 more problems"


LAUGHS = "a: &a [x, x, x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}, *{old}, *{old}]\n"
    for old, new in zip("abcdefghijk", "bcdefghijkl", strict=True)
)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "is empty or no mapping"),
        ("# only a comment\n", "is empty or no mapping"),
        ("- a\n- b\n", "is empty or no mapping"),
        ("just text", "is empty or no mapping"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"\x00\x01", "plain YAML"),
        ("# " + "x" * 4_000_000, "larger than 4 MB"),
        (LAUGHS, "line 2, the spec: aliases"),
        ("1:1" * 300_000, "shop.yaml"),
    ],
)
def test_files_that_are_no_spec(problems_of, content, text):
    (problem,) = problems_of(content)
    assert text in problem


def test_missing_files_and_folders(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(SpecError, match="there is no such file"):
            read_spec(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("range: [0, 100]", "range: [0, canary@example.org]"),
        ("role: attribute", "role: Canary Person 13912345678"),
        ("role: attribute", "role: canary@example.org"),
        ("kind: round", "kind: canary@example.org"),
        ("step: 1", "step: canary"),
        ("public_bound: 5000", "public_bound: canary"),
        ("shop: my-shop", "shop: Canary"),
        ("shop: my-shop", "shop: 'canary"),
        ("source: orders.csv", "source: {canary: 1}"),
        ("type: number", "nullable: canary"),
        ("type: number", "values: [canary, 3]"),
        ("reason: to recognise stolen accounts", "reason: canary"),
    ],
)
def test_values_are_not_shown(problems_of, old, new):
    text = "\n".join(problems_of(GOOD.replace(old, new, 1)))
    assert text
    assert "canary" not in text.lower().replace("canary: unknown key", "").replace(".canary", "")


def test_odd_keys_stay_on_one_line(problems_of):
    (problem,) = problems_of(GOOD + '"a\\nb\\e[31m": 1\n')
    assert problem.isprintable()
