"""Encoding: utf-8, gb18030 or latin-1, told apart by the bytes."""

import pytest

from models.shop.profiling.encoding import detect_encoding

CHINESE, WESTERN = "客户编号,姓名\n1,王芳\n2,李娜\n", "id,name\n1,Müller\n2,Renée Peña\n3,Güler\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"id,name\n1,Ann\n", "utf-8"),
        (CHINESE.encode(), "utf-8"),
        (CHINESE.encode("gb18030"), "gb18030"),
        (WESTERN.encode(), "utf-8"),
        (WESTERN.encode("latin-1"), "latin-1"),
        ((WESTERN * 30).encode() + b"M\xfcller", "utf-8"),
        (CHINESE.encode("utf-16"), None),
        (b"\0\1\2", None),
    ],
)
@pytest.mark.parametrize("block", [3, 1000])
def test_the_encoding_of_bytes(data, encoding, block):
    blocks = [data[start : start + block] for start in range(0, len(data), block)]
    if block == 1000 or encoding in ("utf-8", "latin-1"):
        assert detect_encoding(blocks) == encoding
