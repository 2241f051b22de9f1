"""Headers: what English and Chinese names of columns and files say."""

import pytest

from models.shop.profiling.headers import kind_of, table_name

KINDS = {
    "customerIPAddress": "ip", "customerEmail": "email", "联系电话": "phone", "身份证号": "resident_id",
    "收货人": "name", "收货地址": "address", "billing_address": "address", "CustomerID": "customer_id",
    "客户编号": "customer_id", "会员ID": "customer_id", "InvoiceNo": "order_id", "订单号": "order_id",
    "StockCode": "product_id", "商品编号": "product_id", "product_name": "product_text", "file name": "unknown",
    "birth_date": "birth_date", "生日": "birth_date", "性别": "gender", "下单时间": "time", "金额": "amount",
    "No_Orders": "quantity", "is_fraud": "label", "orderState": "unknown", "备注": "free_text",
    "邮编": "postcode", "Country": "country", "paymentMethodId": "other_id", "x17": "unknown",
}  # fmt: skip


@pytest.mark.parametrize(("header", "kind"), KINDS.items())
def test_the_kind_of_a_header(header, kind):
    assert kind_of(header) == kind


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("Online Retail", "online_retail"),
        ("订单表", "orders"),
        ("2024-sales", "orders"),
        ("数据", "table"),
        ("a" * 60, "a" * 36),
    ],
)
def test_a_table_is_named_after_its_file(stem, name):
    assert table_name(stem, set()) == name
    assert table_name(stem, {name}) == f"{name}_2"
