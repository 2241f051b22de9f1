"""The notice: what a shop's customers are told, from the same spec that runs the processing.

It holds what Regulation (EU) 2016/679, art. 13, and the Personal Information Protection Law of China, art. 17,
23, 24 and 39, ask for by content: who is responsible, which data, what for and on which basis, how long, who else
receives it, where it goes, decisions by machines, rights and how to use them. Where the spec does not say
enough for that, no notice is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from markupsafe import Markup

from infra.report import digits
from infra.report.page import Article, assemble, environment
from infra.report.promise import posterior
from infra.report.texts import Texts, catalogue
from models.values.errors import PrivetError
from models.values.language import Notice
from models.values.spec import Column, Purpose, Regime, ShopSpec

Row = dict[str, Any]

_EVERYWHERE: frozenset[Regime] = frozenset({"gdpr", "ccpa", "pipl", "ecommerce_law"})
RIGHTS: dict[str, frozenset[Regime]] = {
    "access": _EVERYWHERE,
    "correct": _EVERYWHERE,
    "delete": _EVERYWHERE,
    "restrict": frozenset({"gdpr", "pipl"}),
    "object": frozenset({"gdpr"}),
    "refuse": frozenset({"pipl"}),
    "portability": frozenset({"gdpr", "ccpa", "pipl"}),
    "explain": frozenset({"pipl"}),
    "machine": frozenset({"gdpr", "pipl"}),
    "opt_out": frozenset({"ccpa"}),
    "limit": frozenset({"ccpa"}),
    "equal": frozenset({"ccpa"}),
    "close": frozenset({"ecommerce_law"}),
}


class NoticeError(PrivetError, ValueError):
    """The spec does not say enough for a notice, or says what no notice may say."""


class _Reader(NamedTuple):
    """A spec read for one language."""

    spec: ShopSpec
    notice: Notice
    say: Texts

    def word(self, header: str) -> str | None:
        """What customers call a column or table; None if nobody said it in this language."""
        own, known = self.notice.words.get(self.say.language, {}), catalogue("notice", self.say.language)
        found = own.get(header) or known.get(f"words.{header}")
        if found is None and header.isascii() == (self.say.language == "en"):
            found = header.replace("_", " ")
        return found

    def reason(self, purpose: Purpose) -> str | None:
        """The purpose's reason in this language."""
        if self.say.language == self.spec.languages[0]:
            return purpose.reason
        return (purpose.reason_in or {}).get(self.say.language)


def render(spec: ShopSpec, *, day: date) -> str:
    """The notice as one HTML page in the shop's languages; it opens in the first and asks no other host.

    Raises:
        NoticeError: the spec lacks a statement, a reason or a word in one of its languages, or rests a
            purpose on a basis that its regime does not know. All that is missing is named at once.
    """
    notice = spec.notice
    if notice is None:
        raise NoticeError(
            "the spec has no notice; add it (controller, contact, recipients, transfers, decisions, refusal, "
            "authority), see docs/spec.md"
        )
    readers = [_Reader(spec, notice, Texts("notice", language)) for language in spec.languages]
    missing = [*_unlawful(spec), *(problem for reader in readers for problem in _missing(reader))]
    if missing:
        raise NoticeError(f"the notice is incomplete: {'; '.join(missing)}")
    return assemble(_article(reader, day) for reader in readers)


def _unlawful(spec: ShopSpec) -> list[str]:
    """Bases that a regime does not know: article 13, paragraph 1, of the PIPL lists no legitimate interest."""
    return [
        f"purposes.{name} rests on legitimate_interest under pipl, which knows no such basis; state another"
        for name, purpose in spec.purposes.items()
        if "pipl" in spec.regimes and purpose.basis.get("pipl") == "legitimate_interest"
    ]


def _missing(reader: _Reader) -> list[str]:
    spec, language = reader.spec, reader.say.language
    statements = reader.notice.model_dump(include={*_STATEMENTS})
    problems = [
        f"notice.{name} says nothing in {language}" for name in statements if language not in statements[name]
    ]
    for name, purpose in spec.purposes.items():
        if reader.reason(purpose) is None:
            problems.append(f"purposes.{name}.reason_in says nothing in {language}")
    headers = dict.fromkeys(header for name in _tables(spec) for header in (name, *spec.tables[name].columns))
    unknown = [header for header in headers if reader.word(header) is None]
    if unknown:
        listed = ", ".join(unknown[:20]) + (" ..." if len(unknown) > 20 else "")
        problems.append(f"notice.words.{language} has no word for {listed}")
    return problems


_STATEMENTS: Sequence[str] = ("controller", "recipients", "transfers", "decisions", "refusal", "authority")


def _article(reader: _Reader, day: date) -> Article:
    spec, notice, say = reader.spec, reader.notice, reader.say
    told = {name: getattr(notice, name)[say.language] for name in _STATEMENTS}
    rests = [basis for purpose in spec.purposes.values() for basis in purpose.basis.values()]
    body = environment().get_template("notice.html.j2").render(
        t=say,
        told=told,
        contact=notice.contact,
        officer=notice.officer,
        day=day.isoformat(),
        version=spec.digest()[:12],
        synthetic=spec.synthetic,
        withdraw="consent" in rests,
        object=any(basis != "consent" for basis in rests),
        recorded=spec.consent is not None,
        tables=[_table(reader, name) for name in _tables(spec)],
        purposes=[_purpose(reader, name) for name in spec.purposes],
        retention=spec.retention,
        dropped=say("and").join(_never_released(reader)),
        rights=[name for name, regimes in RIGHTS.items() if regimes & set(spec.regimes)],
    )  # fmt: skip
    return Article(say.language, say("title", controller=told["controller"]), Markup(body))  # noqa: S704


def _tables(spec: ShopSpec) -> list[str]:
    """Tables of customers' data; public ones are nobody's."""
    return [name for name, table in spec.tables.items() if not table.public]


def _table(reader: _Reader, name: str) -> Row:
    columns = reader.spec.tables[name].columns
    return {"name": _capital(reader.word(name)), "words": [reader.word(header) for header in columns]}


def _purpose(reader: _Reader, name: str) -> Row:
    spec, say, purpose = reader.spec, reader.say, reader.spec.purposes[name]
    regimes = [regime for regime in spec.regimes if regime in purpose.basis]
    return {
        "reason": _capital(reader.reason(purpose)),
        "bases": [
            say("purposes.basis", basis=say(f"basis.{purpose.basis[r]}"), regime=say(f"regime.{r}"))
            for r in regimes
        ],
        "choice": say(f"purposes.choice.{_choice(spec, purpose)}", contact=reader.notice.contact),
        "releases": [
            _release(reader, key)
            for key, entry in spec.releases.items()
            if entry.purpose == name and entry.product != "public"
        ],
        "models": [_model(reader, key) for key, entry in spec.use_cases.items() if entry.purpose == name],
    }


def _choice(spec: ShopSpec, purpose: Purpose) -> str:
    """How a customer's choice decides, as consent is really applied."""
    if spec.consent is None:
        return "unrecorded"
    allowed = purpose.allowing_states()
    if "objected" in allowed:
        return "always"
    return "unless" if "not_asked" in allowed else "consent"


def _release(reader: _Reader, name: str) -> Row:
    spec, say, entry = reader.spec, reader.say, reader.spec.releases[name]
    columns = spec.tables[entry.table].columns
    data = [(reader.word(header), _remains(say, header, columns[header])) for header in entry.columns]
    if entry.product == "attributes" and entry.anonymity is not None:
        k, l = entry.anonymity.k, entry.anonymity.l  # noqa: E741  # the papers' letters
        told = say("purposes.attributes_l" if l > 1 else "purposes.attributes", k=k, l=l)
    else:
        trained = any(name in use_case.tables for use_case in spec.use_cases.values())
        told = say("purposes.events" if trained else "purposes.events_only")
    return {"name": _capital(reader.word(entry.table)), "data": data, "told": told}


def _remains(say: Texts, header: str, column: Column) -> str:
    transform = column.effective_transform(header)
    if transform.kind == "truncate":
        return say(f"how.truncate.{transform.unit}")
    facts = {name: f"{value:g}" if isinstance(value, float) else value for name, value in transform}
    return say(f"how.{transform.kind}", **facts)


def _model(reader: _Reader, name: str) -> str:
    target, say = reader.spec.target(name), reader.say
    return say(
        "purposes.model",
        epsilon=digits.plain(target.epsilon),
        sure=digits.share_at_most(posterior(0.5, target.epsilon)),
        delta=say("one_in", count=digits.odds(target.delta)),
        budget=digits.plain(reader.spec.budget.epsilon),
    )


def _never_released(reader: _Reader) -> list[str]:
    """Words of the identifiers that no release takes."""
    spec = reader.spec
    taken = {(entry.table, header) for entry in spec.releases.values() for header in entry.columns}
    words = [
        reader.word(header)
        for name in _tables(spec)
        for header, column in spec.tables[name].columns.items()
        if column.role == "identifier" and (name, header) not in taken
    ]
    return list(dict.fromkeys(word for word in words if word))


def _capital(text: str | None) -> str:
    return (text or "")[:1].upper() + (text or "")[1:]
