"""Headers: what a column's name, English or Chinese, says that the column holds."""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal[
    "email", "phone", "card", "resident_id", "iban", "ip", "device", "plate", "url", "name", "address",
    "location", "postcode", "city", "region", "country", "birth_date", "age", "gender", "sensitive", "label",
    "customer_id", "order_id", "product_id", "other_id", "product_text", "free_text", "time", "amount",
    "quantity", "unknown",
]  # fmt: skip

# Kinds that name or reach a person by themselves.
PERSONAL: frozenset[Kind] = frozenset(
    {"email", "phone", "card", "resident_id", "iban", "ip", "device", "plate", "url", "name", "address"}
)
_NUMBER = "(?:id|no|nr|num|number|code|key|ref|reference)"
_PEOPLE = "(?:customer|client|user|member|buyer|shopper|account|household|person|consumer|subscriber)"
_THINGS = "(?:product|item|stock|sku|article|goods|category|department|brand|asin|ean|upc|isbn)"
_DEEDS = "(?:order|invoice|transaction|receipt|bill|basket|ticket|shipment|payment|session|trx|purchase)"
_PLACES = "(?:ship|shipping|billing|home|customer|delivery)"

# The first that is found in the name counts: specific ones come before general ones.
_RULES: tuple[tuple[Kind, str, str], ...] = (
    ("email", r"\be ?mail\b|\bemail|\bmail\b", "邮箱|电子邮件|邮件"),
    (
        "phone",
        r"\b(?:tele)?phone|\bmobile|\bcell\b|\btel\b|\bfax\b|\bwhatsapp\b|\bwechat\b",
        "手机|电话|联系方式|微信|传真",
    ),
    ("ip", r"\bip\b", "IP"),
    (
        "device",
        r"\bdevice|\bimei\b|\bmac\b|\bidfa\b|\bgaid\b|\boaid\b|\bandroid id\b|\buser agent\b|"
        r"\bcookie|\bfingerprint",
        "设备",
    ),
    (
        "card",
        rf"\bcard {_NUMBER}\b|\bcredit card$|\bpan$|\bcc {_NUMBER}\b|\bcvv|\bcvc|\bpassword|\bsecurity code",
        "卡号|银行卡|信用卡|密码",
    ),
    (
        "resident_id",
        r"\bssn\b|social security|national id|\bid card|\bidentity|\bpassport|\blicen[cs]e|\btax id|"
        r"\bvat\b",
        "身份证|证件|护照|驾驶证",
    ),
    ("iban", r"\biban\b|\bbank account|\baccount (?:no|number)\b|\bswift\b", "银行账|开户"),
    ("plate", r"\b(?:licen[cs]e|number) plate|\bplate\b", "车牌"),
    (
        "location",
        r"\blat(?:itude)?\b|\blo?ng(?:itude)?\b|\blon\b|\bgps\b|\bgeo|\bcoordinates?\b",
        "经度|纬度|坐标|定位",
    ),
    ("address", r"\baddr(?:ess)?\b|\baddress|\bstreet", "地址|住址|街道"),
    ("url", r"\burl\b|\bhomepage|\bwebsite|\btwitter|\bfacebook|\binstagram", "网址|主页|微博"),
    (
        "product_id",
        rf"^{_THINGS} {_NUMBER}$|^(?:sku|asin|ean|upc|isbn)$",
        "商品编号|商品ID|商品id|商品代码|货号|产品编号|产品ID|条码",
    ),
    ("customer_id", rf"\b{_PEOPLE}(?: {_NUMBER})?$", "(?:客户|会员|用户|顾客|买家)(?:编号|号码?|ID|id|代码|标识)?$"),
    ("order_id", rf"\b{_DEEDS} {_NUMBER}$", "(?:订单|发票|流水|交易|工单|支付)(?:编号|号码?|ID|id)|单号"),
    (
        "product_text",
        rf"\b{_THINGS} ?(?:name|title|description|desc)?$|^(?:product|item) ",
        "商品|产品|品牌|类目|品类|分类",
    ),
    ("postcode", r"\bzip|\bpost(?:al)? ?code|\bplz\b", "邮编|邮政编码"),
    ("birth_date", r"\bbirth|\bdob\b|\bborn\b", "出生|生日"),
    ("age", r"\bage$|^age\b", "年龄"),
    ("gender", r"\bgender\b|\bsex\b", "性别"),
    ("country", r"\bcountry\b", "国家|国别"),
    ("city", r"\bcity\b|\btown\b|\bdistrict\b|\bsuburb\b", "城市|市$|区县|区$"),
    ("region", rf"^(?:{_PLACES} )?(?:state|province|region|county)$", "省|地区"),
    (
        "sensitive",
        r"\breligio|\bethnic|\brace\b|\bhealth|\bdisease|\bdiagnos|\bsalary|\bincome|\bmarital|"
        r"\bdisab|\bsexual|\bpolitic|\bcredit (?:score|limit)|\bloyalty|\btier\b|\beducation|"
        r"\boccupation|\bnationality|\bjob\b",
        "宗教|民族|疾病|健康|收入|工资|婚姻|学历|职业|等级|信用|国籍",
    ),
    (
        "quantity",
        r"^(?:no|num|number|count|nr|n)(?: of)? \w+s$|\bqty\b|\bquantity\b|\bcount\b|\bunits\b|"
        r"\bpieces\b",
        "数量|件数|次数|数$",
    ),
    (
        "label",
        r"\bfraud|\bchurn|^is |^has |\blabel$|\btarget$|\bspam$|\bconverted$|\bclicked$|\bdefaulted$",
        "欺诈|标签|流失|是否",
    ),
    ("other_id", rf"\b{_NUMBER}$|\buuid|\bguid|\btoken|\bhash", "编号|号码|号$|代码|标识"),
    (
        "amount",
        r"\bamount|\bprice|\btotal|\bcost|\brevenue|\bfee\b|\bdiscount|\bspend|\bbalance|\btax$|"
        r"\bgmv\b",
        "金额|价|总额|费|折扣|余额",
    ),
    ("time", r"\bdate|\btime|\btimestamp| at$|\bcreated\b|\bupdated\b|\bwhen\b", "时间|日期"),
    (
        "free_text",
        r"\bcomment|\breview|\bmessage|\bnotes?$|\bremark|\bfeedback|\btext$|\bbody$|\bdescription|"
        r"\bdesc$|\bquestion|\banswer|\bsubject$",
        "评论|评价|留言|备注|内容|描述|说明|反馈",
    ),
    (
        "name",
        r"\bname|\bmaiden|\bsurname|\bnickname|\busername|\blogin\b|\brecipient|\bconsignee|\bcontact\b",
        "姓名|姓$|名$|名字|收货人|收件人|联系人|客户名|昵称|用户名|账号",
    ),
)  # fmt: skip
_NO_PERSON = re.compile(
    r"\b(?:file|shop|store|plan|event|campaign|coupon|city|country|method|provider|type)\b"
)


def words_of(header: str) -> str:
    """The header as lower-case words: "customerIPAddress" becomes "customer ip address"."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", header)
    return " ".join(re.findall(r"[a-z0-9]+", apart.lower()))


def kind_of(header: str) -> Kind:
    """What a header says that its column holds; "unknown" if it says nothing."""
    words = words_of(header)
    for kind, english, chinese in _RULES:
        if kind == "name" and _NO_PERSON.search(words):
            continue
        if (words and re.search(english, words)) or re.search(chinese, header):
            return kind
    return "unknown"


_TABLES = (
    ("customers", r"customer|client|member|\busers?\b|buyer|people", "客户|会员|用户|顾客|买家"),
    ("order_lines", r"order lines?|order items?|line items?", "订单明细|订单商品|订单行"),
    ("orders", r"orders?\b|invoices?|sales", "订单|发票|销售"),
    ("consents", r"consents?|permissions?", "同意|授权"),
    ("tickets", r"tickets?|complaints?", "工单|客诉|投诉"),
    ("products", r"products?|items?|goods|catalog|articles?|stock", "商品|产品|货品"),
    ("transactions", r"transactions?|payments?", "交易|支付|流水"),
    ("reviews", r"reviews?|comments?", "评论|评价"),
)


def table_kind(stem: str) -> str:
    """What a file's name says that the table lists, such as "customers"; "" if it says nothing."""
    words = words_of(stem)
    return next((k for k, en, zh in _TABLES if re.search(en, words) or re.search(zh, stem)), "")


def table_name(stem: str, taken: set[str]) -> str:
    """A valid name for the table in the file called `stem`, different from those already `taken`."""
    plain = re.sub(r"[^a-z0-9]+", "_", words_of(stem)).strip("_")
    if not stem.isascii() or not re.match("[a-z]", plain):
        plain = table_kind(stem) or f"table_{plain}".strip("_")
    plain = plain[:36]
    tries = [plain, *(f"{plain}_{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in tries if name not in taken)
