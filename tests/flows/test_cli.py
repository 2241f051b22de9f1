"""The command `privet`: light, clear about wrong usage, and one message for a refusal."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from flows import cli

COMMANDS = (
    "init",
    "plan",
    "check",
    "shop",
    "run",
    "budget",
    "up",
    "deploy",
    "ui",
    "dossier",
    "notice",
    "log",
    "doctor",
    "status",
    "down",
)
HEAVY = (
    "prefect",
    "tensorflow",
    "mlflow",
    "great_expectations",
    "pandera",
    "pandas",
    "numpy",
    "duckdb",
    "ibis",
    "pydantic",
    "yaml",
)
WRONG = [
    ["fly"],
    ["run", "--jason"],
    ["run", "a.yaml", "b.yaml"],
    ["dossier"],
    ["dossier", "train-1"],
    ["notice", "shop.yaml"],
    ["log", "shop.yaml"],
    ["down", "--force"],
]


@pytest.fixture(autouse=True)
def quiet(home, monkeypatch):
    """The command sets variables for the libraries; a test takes them back."""
    for name in ("PREFECT_HOME", "PREFECT_API_URL"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def _privet(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments], capture_output=True, text=True, env={**os.environ}
    )


def test_help_lists_every_command_and_where_to_start(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert [name for name in COMMANDS if f"\n    {name} " not in text] == []
    assert "privet run" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_help(capsys, name):
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: privet {name}" in capsys.readouterr().out


def test_without_a_command_the_help_is_shown(capsys):
    assert cli.main([]) == 0
    assert "usage: privet" in capsys.readouterr().out


def test_the_version_is_told(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("privet ")


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_usage_ends_with_2(capsys, home, arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert "usage: privet" in err
    assert not home.exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_can_be_abbreviated_into_another(capsys, name):
    with pytest.raises(SystemExit) as ended:
        cli.main([f"{name}x"])
    assert ended.value.code == 2


def test_the_command_line_loads_nothing_heavy():
    code = (
        "import sys, flows.cli\n"
        "try: flows.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_a_refused_run_is_one_message(capsys, tmp_path):
    assert cli.main(["run", str(tmp_path / "shop.yaml")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "privet: shop.yaml: there is no such file; name the shop's spec\n"


def test_a_refused_run_is_one_object_for_programs(capsys, tmp_path):
    assert cli.main(["run", "--json", str(tmp_path / "shop.yaml")]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "error": "shop.yaml: there is no such file; name the shop's spec"
    }


def test_a_bad_spec_is_refused_before_a_server_starts(capsys, tmp_path, home):
    path = tmp_path / "shop.yaml"
    path.write_text("shop: my-shop\nregimes: [canary5d1f]\n")
    assert cli.main(["run", str(path)]) == 1
    assert "shop.yaml line 2, regimes" in capsys.readouterr().err
    assert not (home / "prefect" / "server.json").exists()


REFUSED = [
    ["budget", "no.yaml"],
    ["dossier", "train-1", "--output", "page.html"],
]


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_a_command_without_its_data_is_refused_in_one_line(capsys, monkeypatch, tmp_path, arguments):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("privet: ")
    assert err.count("\n") == 1
    assert list(tmp_path.glob("*.html")) == []


def test_an_unknown_setting_is_refused(capsys, monkeypatch):
    monkeypatch.setenv("PRIVET_HOEM", "canary5d1f")
    assert cli.main(["status"]) == 1
    err = capsys.readouterr().err
    assert "PRIVET_HOEM is unknown" in err
    assert "canary" not in err


def test_an_interrupted_run_says_what_became_of_it(capsys, monkeypatch):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_status", interrupted)
    assert cli.main(["status"]) == 1
    assert capsys.readouterr().err == "privet: stopped by you; nothing unfinished was published\n"


@pytest.fixture
def log(home):
    from infra.auditlog import AuditLog

    home.mkdir(mode=0o700)
    log = AuditLog(home / "audit.jsonl")
    for number in range(3):
        log.append("prepare", "read", f"raw/shop/v{number}", "allowed")
    return home / "audit.jsonl"


def test_a_whole_audit_log_is_told_to_be_whole(log, capsys):
    assert cli.main(["log"]) == 0
    assert capsys.readouterr().out == "audit log: 3 entries, unbroken\n"


TAMPERED = [
    ("a field changed", lambda text: text.replace("raw/shop/v1", "raw/shop/v9")),
    ("a line removed", lambda text: "".join(text.splitlines(keepends=True)[::2])),
    ("lines swapped", lambda text: "".join(text.splitlines(keepends=True)[::-1])),
    ("a line added", lambda text: text + text.splitlines(keepends=True)[-1]),
    ("half a line", lambda text: text[:-20]),
]


@pytest.mark.parametrize(("how", "tamper"), TAMPERED)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_tampered_audit_log_ends_with_1(log, capsys, how, tamper, as_json):
    log.write_text(tamper(log.read_text()))
    assert cli.main(["log", *(["--json"] if as_json else [])]) == 1
    out = capsys.readouterr().out
    assert json.loads(out)["ok"] is False if as_json else "audit log: broken at entry" in out


def test_status_of_a_new_home_names_the_next_step(capsys, home):
    assert cli.main(["status"]) == 0
    assert "not running; `privet run` starts it" in capsys.readouterr().out
    assert home.stat().st_mode & 0o077 == 0


def test_down_without_a_server_is_no_fault(capsys):
    assert cli.main(["down"]) == 0
    assert capsys.readouterr().out == "No local Prefect server was running.\n"
    assert cli.main(["down", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"stopped": []}


def test_a_missing_audit_log_is_no_whole_one():
    done = _privet("log", "--json")
    assert done.returncode == 1
    assert "there is no audit log" in json.loads(done.stdout)["error"]
    assert done.stderr.startswith("privet: there is no audit log")
