"""The command `privet notice`: one page a day and spec, for its owner to publish; none where words are missing."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from infra.report.notice import NoticeError
from tasks.inspection import write_notice

SPEC = "models/shop/shop.yaml"


def test_the_page_is_written_once_and_named(tmp_path: Path, capsys: Any) -> None:
    assert [write_notice(SPEC, str(tmp_path / "n")) for _ in range(2)] == [0, 0]
    (page,) = (tmp_path / "n").iterdir()
    assert page.name.startswith("notice-embedded-shop-")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert capsys.readouterr().out.count(str(page)) == 2


def test_an_incomplete_spec_writes_nothing(tmp_path: Path) -> None:
    text = Path(SPEC).read_text().replace("    reason_in: {zh: 更快更好地答复来信}\n", "")
    (tmp_path / "shop.yaml").write_text(text)
    with pytest.raises(NoticeError, match=r"purposes\.support\.reason_in"):
        write_notice(str(tmp_path / "shop.yaml"), str(tmp_path / "n"))
    assert not (tmp_path / "n").exists()
