"""Hierarchies are read with the spec, are part of its digest, and fail closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.spec import SpecError, read_spec
from models.values.hierarchy import Hierarchy

TOWNS = "Berlin;Germany;*\nBonn;Germany;*\nParis;France;*\n"


def spec_at(folder: Path, transform: str, more: str = "") -> Path:
    """The embedded shop's spec with a hierarchy for the customers' gender."""
    text = Path("models/shop/shop.yaml").read_text(encoding="utf-8")
    lines = []
    for line in text.splitlines():
        found = line.strip().startswith("gender:")
        lines.append(
            f"      gender: {{role: quasi_identifier, transform: {transform}{more}}}" if found else line
        )
    path = folder / "shop.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_file_becomes_part_of_the_spec_and_its_digest(tmp_path: Path) -> None:
    (tmp_path / "towns.csv").write_text("\ufeff" + TOWNS, encoding="utf-8")
    path = spec_at(tmp_path, "{kind: hierarchy, file: towns.csv}", ", levels: [{kind: hierarchy, level: 2}]")
    spec = read_spec(path)
    column = spec.tables["customers"].columns["gender"]
    assert isinstance(column.transform, Hierarchy)
    assert column.transform.labels(1) == {"Berlin": "Germany", "Bonn": "Germany", "Paris": "France"}
    assert column.levels is not None
    (tmp_path / "towns.csv").write_text(TOWNS.replace("Bonn;Germany", "Bonn;France"), encoding="utf-8")
    assert read_spec(path).digest() != spec.digest()


@pytest.mark.parametrize(
    ("file", "content", "fragment"),
    [
        ("towns.csv", None, "no such file"),
        ("../towns.csv", TOWNS, "outside the spec's folder"),
        ("/etc/hostname", None, "outside the spec's folder"),
        ("link.csv", None, "outside the spec's folder"),
        ("towns.csv", "Berlin;Germany;*\nBonn;*\n", "different length"),
        ("towns.csv", "Berlin;Germany;*\nBerlin;France;*\n", "names a value twice"),
        ("towns.csv", "a;x;1\nb;x;2\n", "splits on level 2"),
        ("towns.csv", "", "has no rows"),
        ("towns.csv", b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_a_file_that_cannot_serve_stops_the_spec(
    tmp_path: Path, file: str, content: str | bytes | None, fragment: str
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "link.csv").symlink_to("/etc/hostname")
    if content is not None:
        (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SpecError, match=fragment):
        read_spec(spec_at(folder, f"{{kind: hierarchy, file: {file}}}"))


def test_rows_beside_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "towns.csv").write_text(TOWNS)
    with pytest.raises(SpecError, match="keep one of them"):
        read_spec(spec_at(tmp_path, "{kind: hierarchy, file: towns.csv, rows: [[a, '*']]}"))
