"""The doctor: what is wrong is found and its mend is named."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError

import pytest

from infra.settings import Settings
from tasks import doctor

REQUIRED = [
    "prefect>=3.8.8,<3.9",
    "tensorflow>=2.21,<2.22",
    "only-on-windows>=1; sys_platform == 'win32'",
]
HEALTHY = {"prefect": "3.8.9", "tensorflow": "2.21.0"}


@pytest.fixture
def packages_of(monkeypatch):
    """The findings about packages, if these were installed."""

    def examined(installed):
        def version(name):
            if name not in installed:
                raise PackageNotFoundError(name)
            return installed[name]

        monkeypatch.setattr(doctor, "requires", lambda name: REQUIRED)
        monkeypatch.setattr(doctor, "version", version)
        return {finding.part: finding for finding in doctor._packages()}

    return examined


@pytest.fixture
def probes_well(monkeypatch):
    for probe in ("_tensorflow_privacy", "_encryption", "_policies"):
        monkeypatch.setattr(doctor, probe, lambda: "works")


WRONG = [
    ({"prefect": "3.8.7"}, "prefect", "3.8.7", "Privet needs <3.9,>=3.8.8; run `make install`"),
    ({"prefect": "3.9.0"}, "prefect", "3.9.0", "Privet needs <3.9,>=3.8.8; run `make install`"),
    ({"tensorflow": "2.15.1"}, "tensorflow", "2.15.1", "Privet needs <2.22,>=2.21; run `make install`"),
    ({"tensorflow": None}, "tensorflow", "missing", "run `make install`"),
]


@pytest.mark.parametrize(("change", "part", "found", "mend"), WRONG)
def test_a_wrong_version_is_found_with_its_mend(packages_of, change, part, found, mend):
    installed = {name: number for name, number in {**HEALTHY, **change}.items() if number}
    findings = packages_of(installed)
    assert [finding.part for finding in findings.values() if not finding.well] == [part]
    assert (findings[part].found, findings[part].mend) == (found, mend)


def test_packages_of_other_systems_are_not_asked_for(packages_of):
    assert set(packages_of(HEALTHY)) == set(HEALTHY)


@pytest.mark.parametrize(("prefect", "status", "mark"), [("3.8.9", 0, "ok   "), ("3.8.0", 1, "WRONG")])
def test_the_status_tells_if_all_is_well(packages_of, probes_well, home, capsys, prefect, status, mark):
    packages_of({**HEALTHY, "prefect": prefect})
    assert doctor.show(Settings.load(), as_json=False) == status
    lines = capsys.readouterr().out.splitlines()
    line = next(line for line in lines if " prefect: " in line)
    assert line.startswith(f"{mark} prefect: {prefect}")
    assert ("-> Privet needs" in line) is (status == 1)


def test_as_json_it_is_one_list(packages_of, probes_well, home, capsys):
    packages_of({**HEALTHY, "prefect": "3.8.0"})
    assert doctor.show(Settings.load(), as_json=True) == 1
    findings = json.loads(capsys.readouterr().out)
    assert [found["part"] for found in findings if not found["well"]] == ["prefect"]
    assert all(found["well"] or found["mend"] for found in findings)


@pytest.mark.parametrize("error", [ImportError, AttributeError, OSError, RuntimeError])
def test_a_broken_part_is_named_without_what_the_fault_says(error):
    def probe():
        raise error("canary-5d1f")

    finding = doctor._tried("access policies", probe, "restore infra/policies.cedar")
    assert not finding.well
    assert (finding.found, finding.mend) == (error.__name__, "restore infra/policies.cedar")


def test_an_open_home_is_found(home):
    home.mkdir(mode=0o755)
    home.chmod(0o755)
    finding = doctor._home(Settings.load())
    assert not finding.well
    assert finding.mend == f"chmod 700 {home}"


@pytest.mark.parametrize(("free_gib", "well"), [(1.9, False), (2.1, True)])
def test_a_full_disk_is_found(home, monkeypatch, free_gib, well):
    usage = type("Usage", (), {"free": free_gib * doctor.GIB})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: usage)
    finding = doctor._disk(Settings.load())
    assert finding.well is well
    assert bool(finding.mend) is not well


@pytest.mark.parametrize(("python", "well"), [((3, 10, 9), False), ((3, 12, 1), True), ((3, 13, 0), False)])
def test_a_python_that_does_not_fit_is_found(monkeypatch, python, well):
    monkeypatch.setattr(doctor.sys, "version_info", python)
    assert doctor._python().well is well


def test_a_configured_server_that_is_silent_is_found(home):
    settings = Settings.load().model_copy(update={"prefect_api_url": "http://127.0.0.1:1/api"})
    assert not doctor._server(settings).well


def test_the_real_parts_of_this_machine_are_well():
    probes = (doctor._encryption, doctor._policies)
    assert all(doctor._tried("part", probe, "mend").well for probe in probes)
