"""The command `privet`: a command that moves data calls one flow, any other calls one function of tasks/."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit status: 0 done, 1 refused or failed (said in one message), 2 wrong usage."""
    options = _parser().parse_args(arguments)
    from models.values.errors import PrivetError

    try:
        return int(options.command(options))
    except PrivetError as error:
        return _refuse(str(error), as_json=getattr(options, "json", False))
    except KeyboardInterrupt:
        return _refuse("stopped by you; nothing unfinished was published", as_json=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="privet",
        description="Train e-commerce models on customers' data without betraying the customers.",
        epilog="State is kept in .privet (or PRIVET_HOME). Start with: privet run",
    )
    parser.add_argument("--version", action="store_true", help="print the version and end")
    parser.set_defaults(command=_version_or_help(parser))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    run = commands.add_parser("run", help="from raw tables to registered private models")
    run.add_argument("spec", nargs="?", help="your shop.yaml; without it the embedded shop is used")
    run.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    run.set_defaults(command=_run)

    budget = commands.add_parser("budget", help="what trainings have spent of a shop's privacy budget")
    budget.add_argument("spec", nargs="?", help="your shop.yaml; without it the embedded shop's")
    budget.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    budget.set_defaults(command=_budget)

    dossier = commands.add_parser(
        "dossier", help="write the full dossier of a run, internal numbers included"
    )
    dossier.add_argument("run", help="the run, as the table of `privet run` names it")
    dossier.add_argument("--output", required=True, metavar="FILE", help="where to write the page")
    dossier.set_defaults(command=_dossier)

    for name, command, text in (
        ("log", _log, "verify the audit log from its first entry to its last"),
        ("doctor", _doctor, "say which version or part is wrong and how to mend it"),
        ("status", _status, "show the local server, data sets and registered models"),
        ("down", _down, "stop the local server"),
    ):
        entry = commands.add_parser(name, help=text)
        entry.add_argument("--json", action="store_true", help="print one JSON object, for programs")
        entry.set_defaults(command=command)
    return parser


def _version_or_help(parser: argparse.ArgumentParser):  # type: ignore[no-untyped-def]  # argparse's own callback
    def command(options: argparse.Namespace) -> int:
        if options.version:
            from importlib.metadata import version

            print(f"privet {version('privet')}")
        else:
            parser.print_help()
        return 0

    return command


def _settings() -> Settings:
    """The settings, put into effect before anything heavy is imported."""
    from infra.settings import Settings
    from tasks import operate

    settings = Settings.load()
    operate.prepare_environment(settings)
    return settings


def _run(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import opening

    spec, api = opening.open_shop(settings, options.spec)
    from flows.shop import shop
    from tasks import summary

    summary.show(shop(spec), spec, settings, api, as_json=options.json)
    return 0


def _budget(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import inspection

    return inspection.show_budget(settings, options.spec, as_json=options.json)


def _dossier(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import inspection

    return inspection.write_dossier(settings, options.run, options.output)


def _log(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import inspection

    return inspection.verify_log(settings, as_json=options.json)


def _status(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import inspection

    return inspection.show_status(settings, as_json=options.json)


def _doctor(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import doctor

    return doctor.show(settings, as_json=options.json)


def _down(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import operate

    stopped = operate.stop_server(settings)
    print("The local Prefect server is stopped." if stopped else "No local Prefect server was running.")
    return 0


def _refuse(message: str, *, as_json: bool) -> int:
    if as_json:
        import json

        print(json.dumps({"error": message}, ensure_ascii=False))
    print(f"privet: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
