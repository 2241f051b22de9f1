"""Starting a shop: init, plan and check on small files, Chinese ones too, and no value of a row in anything shown."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from infra.settings import Settings
from infra.spec import SpecError, read_spec
from models.values.errors import PrivetError
from tasks import checking, starting

CHOICES = {
    "timezone: CHOOSE": "timezone: Asia/Shanghai",
    "regimes: [CHOOSE]": "regimes: [pipl]",
    "public_bound: CHOOSE": "public_bound: 1000",
    "basis: {CHOOSE: CHOOSE}": "basis: {pipl: contract}",
    "reason: CHOOSE": "reason: to learn which goods are bought together",
}
NAMES = ["王芳", "李娜", "张伟", "刘洋", "陈静", "杨敏", "赵强", "黄磊", "周杰", "吴勇"]
CANARY = "13812340007"


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings.load()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Customers and orders of a Chinese shop in GB18030; a phone hides under the name 备用 (spare)."""
    rng = random.Random(7)
    customers = ["客户编号,姓名,备用,性别,生日,城市"]
    orders = ["订单号,客户编号,下单时间,金额,支付方式,渠道,备注"]
    for n in range(60):
        born = f"{1960 + n % 40}-0{1 + n % 9}-1{n % 9}"
        customers.append(f"K{n:05d},{NAMES[n % 10]},1381234{n:04d},{'男女'[n % 2]},{born},北京")
    for n in range(200):
        pay = ["支付宝", "微信", "银联"][n % 3]
        note, way = f"请尽快发货，第{n}次，放在门口就可以了", "应用" if n else "门店小李"
        orders.append(
            f"D{n:06d},K{n % 60:05d},2026-01-{1 + n % 28:02d} 10:00:00,{rng.uniform(5, 90):.2f},{pay},{way},{note}"
        )
    orders.append("D999999,,2026-01-01 10:00:00,5,支付宝,应用,")
    for name, lines in (("客户", customers), ("订单", orders)):
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="gb18030")
    return [str(tmp_path / "客户.csv"), str(tmp_path / "订单.csv")]


@pytest.fixture
def spec(settings: Settings, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The proposed spec with what only its owner knows filled in."""
    starting.init(settings, str(tmp_path / "shop"), files, None, as_json=False)
    path = tmp_path / "shop" / "shop.yaml"
    text = path.read_text("utf-8")
    assert CANARY not in text + capsys.readouterr().out
    for before, after in CHOICES.items():
        text = text.replace(before, after)
    path.write_text(text, "utf-8")
    return path


def test_a_chinese_shop_is_proposed(spec):
    shop = read_spec(spec)
    customers, orders = shop.tables["customers"], shop.tables["orders"]
    assert (customers.encoding, customers.key, customers.customer) == ("gb18030", ("客户编号",), "客户编号")
    assert (orders.key, orders.customer) == (("订单号",), "客户编号")
    roles = {name: column.role for name, column in (customers.columns | orders.columns).items()}
    assert roles["姓名"] == roles["备用"] == "identifier"
    assert roles["性别"] == roles["生日"] == roles["城市"] == "quasi_identifier"
    assert (roles["下单时间"], roles["备注"], roles["支付方式"]) == ("time", "free_text", "attribute")
    assert orders.columns["支付方式"].values == ("微信", "支付宝", "银联")


def test_no_value_of_a_customer_is_written(spec, files):
    text = spec.read_text("utf-8")
    rows = [line.split(",") for file in files for line in Path(file).read_text("gb18030").splitlines()[1:]]
    shared = {"微信", "支付宝", "银联"}
    assert not [
        value for row in rows for value in row if value not in shared and len(value) > 1 and value in text
    ]


def test_an_unfilled_spec_is_refused_line_by_line(settings, files, tmp_path):
    starting.init(settings, str(tmp_path / "shop"), files, None, as_json=True)
    with pytest.raises(SpecError) as caught:
        read_spec(tmp_path / "shop" / "shop.yaml")
    shown = "\n".join(caught.value.problems)
    assert all(key in shown for key in ("timezone", "regimes", "public_bound", "basis", "reason"))


def test_an_existing_spec_is_never_overwritten(settings, spec, files):
    before = spec.read_text("utf-8")
    with pytest.raises(PrivetError, match="not overwritten"):
        starting.init(settings, str(spec.parent), files, None, as_json=False)
    assert spec.read_text("utf-8") == before


def test_a_file_of_orders_alone_gets_its_list_of_customers(settings, files, tmp_path):
    starting.init(settings, str(tmp_path / "alone"), files[1:], None, as_json=True)
    path = tmp_path / "alone" / "shop.yaml"
    text = path.read_text("utf-8")
    for before, after in CHOICES.items():
        text = text.replace(before, after)
    path.write_text(text, "utf-8")
    home = read_spec(path).tables["customers"]
    assert (home.distinct, home.key) == (True, ("客户编号",))


def test_check_counts_and_stores_nothing(settings, spec, capsys):
    assert checking.check(settings, str(spec), 0.1, as_json=True) == 0
    tables = {table["table"]: table for table in json.loads(capsys.readouterr().out)["tables"]}
    assert tables["orders"]["broken"] == {"客户编号: missing": "<10"}
    assert tables["customers"]["rows"] == "~60"
    assert sorted(path.name for path in settings.home.iterdir()) == ["work"]


def test_check_refuses_what_breaks_too_often(settings, spec, capsys):
    text = spec.read_text("utf-8")
    spec.write_text(text.replace('values: ["微信", "支付宝", "银联"]', 'values: ["微信"]'), "utf-8")
    assert checking.check(settings, str(spec), 0.1, as_json=False) == 1
    shown = capsys.readouterr().out
    assert "支付方式: not one of the listed values" in shown
    assert "raise --limit" in shown


def test_check_names_a_column_that_hides_phones(settings, spec, capsys):
    lines = spec.read_text("utf-8").splitlines()
    lines = ['      "备用": {role: attribute}' if '"备用":' in line else line for line in lines]
    spec.write_text("\n".join(lines), "utf-8")
    assert checking.check(settings, str(spec), 0.1, as_json=False) == 1
    assert "looks like phone numbers" in capsys.readouterr().out


def test_the_plan_says_what_happens_why_and_where(spec, capsys):
    assert starting.plan(str(spec), as_json=True) == 0
    plan = json.loads(capsys.readouterr().out)
    columns = {c["column"]: c for table in plan["tables"] for c in table["columns"]}
    assert columns["备用"]["transform"] == "drop"
    assert columns["备用"]["releases"] == []
    assert columns["金额"]["releases"][0] == {
        "release": "orders_events",
        "product": "events",
        "purpose": "analytics",
    }
    assert plan["releases"]["customer_profiles"]["anonymity"]["k"] == 10


def test_the_plan_shows_columns_that_the_spec_does_not_name(spec, capsys):
    lines = [line for line in spec.read_text("utf-8").splitlines() if '"备注":' not in line]
    spec.write_text("\n".join(lines), "utf-8")
    starting.plan(str(spec), as_json=True)
    orders = next(t for t in json.loads(capsys.readouterr().out)["tables"] if t["table"] == "orders")
    assert (orders["columns"][-1]["column"], orders["columns"][-1]["transform"]) == ("备注", "drop")
    assert starting.plan(str(spec), as_json=False) == 0
    assert "备注" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "way_out"),
    [
        (f"{CANARY},ann@shop.example\n1,b@shop.example\n", "put a line with the columns' names"),
        ("colour,size\nred,1\nblue,2\n", "--customer"),
        ("customer_id,name\n", "no rows"),
        ("客户,姓名\n".encode("utf-16"), "save it as UTF-8"),
    ],
)
def test_files_that_cannot_be_described(settings, tmp_path, content, way_out, capsys):
    file = tmp_path / "shop.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(PrivetError, match=way_out) as caught:
        starting.init(settings, str(tmp_path / "new"), [str(file)], None, as_json=False)
    assert CANARY not in str(caught.value) + capsys.readouterr().out
    assert not (tmp_path / "new" / "shop.yaml").exists()


def test_headers_that_privet_uses_itself_disturb_nothing(settings, tmp_path):
    names = ["customer_id", "value", "column", "place", "rows", "_customer", "rowid", "customer", "n", "hash"]
    lines = [",".join(names), *(f"C{n}," + ",".join("ab"[n % 2] * 9) for n in range(60))]
    (tmp_path / "x.csv").write_text("\n".join(lines) + "\n")
    starting.init(settings, str(tmp_path / "shop"), [str(tmp_path / "x.csv")], None, as_json=True)
    text = (tmp_path / "shop" / "shop.yaml").read_text()
    assert "value: {role: attribute, values: [a" in text
    assert "column: {role: attribute, values: [a" in text
