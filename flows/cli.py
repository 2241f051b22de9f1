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

    _add_starting(commands)
    _add_shop(commands)
    run = commands.add_parser("run", help="from raw tables to registered private models")
    run.add_argument("spec", nargs="?", help="your shop.yaml; without it the embedded shop is used")
    run.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    run.set_defaults(command=_run)

    budget = commands.add_parser("budget", help="what was spent of a shop's privacy budget, and on what")
    budget.add_argument("spec", nargs="?", help="your shop.yaml; without it the embedded shop's")
    budget.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    budget.set_defaults(command=_budget)

    score = commands.add_parser("score", help="predict for a release's customers with the champion")
    score.add_argument("spec", help="your shop.yaml")
    score.add_argument("--case", required=True, metavar="USE_CASE", help="a use case of the spec")
    score.add_argument("--release", metavar="REF", help="released/SHOP/VERSION (the newest)")
    score.add_argument(
        "--model", type=int, metavar="VERSION", help="refuse unless this version is the champion"
    )
    score.add_argument("--output", metavar="FILE", help="write the predictions to a plain Parquet file, too")
    score.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    score.set_defaults(command=_score)

    audit = commands.add_parser("audit", help="put a use case's claimed epsilon to the test, at a charge")
    audit.add_argument("spec", help="your shop.yaml")
    audit.add_argument("--case", required=True, metavar="USE_CASE", help="a use case of the spec")
    audit.add_argument("--release", metavar="REF", help="released/SHOP/VERSION (the newest)")
    audit.add_argument(
        "--canaries", type=int, default=5000, metavar="N", help="planted among customers (5,000)"
    )
    audit.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    audit.set_defaults(command=_audit)

    _add_balance(commands)
    _add_operating(commands)
    dossier = commands.add_parser(
        "dossier", help="write the full dossier of a run, internal numbers included"
    )
    dossier.add_argument("run", help="the run, as the table of `privet run` names it")
    dossier.add_argument("--output", required=True, metavar="FILE", help="where to write the page")
    dossier.set_defaults(command=_dossier)

    explained = commands.add_parser("explain", help="show what a release shows and hides, as a page")
    explained.add_argument("release", help="released/SHOP/VERSION, or SHOP for its newest release")
    explained.add_argument("--output", metavar="FILE", help="where to write the page (the home's reports)")
    explained.add_argument("--internal", action="store_true", help="for the privacy officer: all numbers")
    explained.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    explained.set_defaults(command=_explain)

    notice = commands.add_parser("notice", help="write what customers are told, from the spec")
    notice.add_argument("spec", help="your shop.yaml")
    notice.add_argument("--output", required=True, metavar="FOLDER", help="where to write the page")
    notice.set_defaults(command=_notice)

    for name, command, text in (
        ("log", _log, "verify the audit log from its first entry to its last"),
        ("doctor", _doctor, "say which version or part is wrong and how to mend it"),
        ("status", _status, "show servers, workers, next and failed runs, data sets and models"),
        ("down", _down, "stop the workers and servers of this home"),
    ):
        entry = commands.add_parser(name, help=text)
        entry.add_argument("--json", action="store_true", help="print one JSON object, for programs")
        entry.set_defaults(command=command)
    return parser


def _add_starting(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands for a shop of one's own, in the order in which a new user needs them."""
    init = commands.add_parser("init", help="propose a spec for your own CSV or Parquet files")
    init.add_argument("folder", help="where to write shop.yaml; an existing one is never overwritten")
    init.add_argument("--from", dest="files", nargs="+", required=True, metavar="FILE", help="your tables")
    init.add_argument("--customer", metavar="COLUMN", help="the column that tells customers apart")
    init.set_defaults(command=_init)
    plan = commands.add_parser("plan", help="show what will happen to each column and why")
    plan.set_defaults(command=_plan)
    check = commands.add_parser("check", help="try the spec's rules on the data; nothing is stored")
    check.add_argument(
        "--limit", type=float, default=0.1, metavar="SHARE",
        help="exit 1 if a table loses more than this share of its rows (0.1)",
    )  # fmt: skip
    check.set_defaults(command=_check)
    for entry in (plan, check):
        entry.add_argument("spec", help="your shop.yaml")
    for entry in (init, plan, check):
        entry.add_argument("--json", action="store_true", help="print one JSON object, for programs")


def _add_shop(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Synthetic shops on request."""
    shop = commands.add_parser("shop", help="make a synthetic shop of any size")
    make = shop.add_subparsers(metavar="ACTION", required=True).add_parser(
        "make", help="write its tables and spec"
    )
    make.add_argument("--customers", type=int, default=50_000, metavar="N", help="how many (50,000)")
    make.add_argument(
        "--seed", type=int, default=1, metavar="S", help="the same seed makes the same shop (1)"
    )
    make.add_argument("--out", required=True, metavar="FOLDER", help="where to write it; new or empty")
    make.add_argument(
        "--dirty",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="add faulty rows, counted in faults.json (0)",
    )
    make.add_argument(
        "--chinese-files",
        action="store_true",
        help="Chinese customers' tickets in a GB18030 file of their own",
    )
    make.set_defaults(command=_make_shop)


def _add_balance(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The search for the best trade-off."""
    balance = commands.add_parser("balance", help="search for the best trade-off of utility, risk and law")
    balance.add_argument("spec", nargs="?", help="your shop.yaml; without it the embedded shop is used")
    balance.add_argument("--case", required=True, metavar="USE_CASE", help="a use case of the spec")
    balance.add_argument("--trials", type=int, default=30, metavar="N", help="how many trainings (30)")
    balance.add_argument(
        "--stand-in", metavar="SPEC", help="the synthetic shop to search on, if yours is not synthetic"
    )
    balance.add_argument(
        "--private",
        action="store_true",
        help="search on your own customers; all trainings are charged at once",
    )
    balance.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    balance.set_defaults(command=_balance)


def _add_operating(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands for runs that start by themselves."""
    up = commands.add_parser("up", help="start servers and workers, and register a shop's flows")
    deploy = commands.add_parser("deploy", help="register a shop's flows, schedule and automations")
    for entry, command in ((up, _up), (deploy, _deploy)):
        entry.add_argument("spec", nargs="?", help="your shop.yaml; without it the embedded shop is used")
        entry.add_argument("--cron", metavar="FIELDS", help="when data is prepared, as '15 2 * * *', or off")
        entry.add_argument("--gpu", action="store_true", help="trainings and searches go to the pool gpu")
        entry.set_defaults(command=command)
    ui = commands.add_parser("ui", help="where to look: Prefect, MLflow, newest dossier and gate page")
    ui.add_argument("--open", action="store_true", help="open them in your browser")
    ui.set_defaults(command=_ui)


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


def _init(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import starting

    return starting.init(settings, options.folder, options.files, options.customer, as_json=options.json)


def _plan(options: argparse.Namespace) -> int:
    _settings()
    from tasks import starting

    return starting.plan(options.spec, as_json=options.json)


def _check(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import checking

    return checking.check(settings, options.spec, options.limit, as_json=options.json)


def _run(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import opening

    spec, api = opening.open_shop(settings, options.spec)
    from flows.shop import shop
    from tasks import summary

    summary.show(shop(spec), spec, settings, api, as_json=options.json)
    return 0


def _score(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import opening

    spec, _ = opening.open_shop(settings, options.spec)
    from flows.score import score
    from tasks import scoring

    done = score(spec, options.case, scoring.named(options.release), options.model)
    scoring.show(done, spec, settings, options.output, as_json=options.json)
    return 0


def _audit(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import opening

    spec, _ = opening.open_shop(settings, options.spec)
    from flows.audit import audit
    from tasks import auditing, scoring

    done = audit(spec, options.case, scoring.named(options.release), options.canaries)
    return auditing.show(done, spec, as_json=options.json)


def _balance(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import opening

    spec, _ = opening.open_shop(settings, options.spec)
    from flows.balance import balance
    from tasks import balancing

    done = balance(spec, options.case, options.trials, options.private, options.stand_in)
    balancing.show(done, as_json=options.json)
    return 0


def _budget(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import inspection

    return inspection.show_budget(settings, options.spec, as_json=options.json)


def _dossier(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import inspection

    return inspection.write_dossier(settings, options.run, options.output)


def _explain(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import explaining

    return explaining.explain(
        settings, options.release, options.output, internal=options.internal, as_json=options.json
    )


def _notice(options: argparse.Namespace) -> int:
    _settings()
    from tasks import inspection

    return inspection.write_notice(options.spec, options.output)


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


def _make_shop(options: argparse.Namespace) -> int:
    _settings()
    from tasks import shops

    return shops.make(
        options.out,
        customers=options.customers,
        seed=options.seed,
        dirty=options.dirty,
        chinese_files=options.chinese_files,
    )


def _up(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import opening

    spec, api = opening.open_shop(settings, options.spec)
    from tasks import upkeep

    return upkeep.up(settings, spec, api, cron=options.cron, gpu=options.gpu)


def _deploy(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import opening

    spec, api = opening.open_shop(settings, options.spec)
    from tasks import upkeep

    return upkeep.register(settings, spec, api, cron=options.cron, gpu=options.gpu)


def _ui(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import house

    return house.ui(settings, open_them=options.open)


def _down(options: argparse.Namespace) -> int:
    settings = _settings()
    from tasks import house

    return house.down(settings, as_json=options.json)


def _refuse(message: str, *, as_json: bool) -> int:
    if as_json:
        import json

        print(json.dumps({"error": message}, ensure_ascii=False))
    print(f"privet: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
