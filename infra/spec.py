"""The spec reader: shop.yaml becomes a ShopSpec, or a list of problems with line, key and way out.

YAML is read to plain values only: no tags, no aliases, no duplicate keys. Problems show keys and words
of enumerations, never other values of the file.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError, model_validator

from infra.spec_hierarchies import read_hierarchies
from models.values.consistency import spec_problems
from models.values.errors import PrivetError
from models.values.spec import ShopSpec

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Where = tuple[str | int, ...]
_MOST_BYTES = 4_000_000
_MOST_DEPTH = 20
_MOST_SHOWN = 10
_MOST_NUMBER = 64  # characters of a number or a date; longer ones only cost time
_TAG = "tag:yaml.org,2002:"
_SCALARS = frozenset(_TAG + kind for kind in ("str", "int", "float", "bool", "null", "timestamp"))
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,59}")
_LEADING_KEY = re.compile(r"([a-z_]+(?:\.[A-Za-z0-9_-]+)*):? (.*)", re.DOTALL)


class SpecError(PrivetError, ValueError):
    """The spec cannot be used. `problems` holds them all, one line each; the text shows the first ten."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(" ".join(problem.split()) for problem in problems)
        more = len(self.problems) - _MOST_SHOWN
        rest = [f"... and {more} more problems"] if more > 0 else []
        super().__init__("\n".join([*self.problems[:_MOST_SHOWN], *rest]))


class _Problem(NamedTuple):
    """What is wrong with the key `where`; `line` or the key `beside` says better where to look, if given."""

    where: Where
    text: str
    line: int | None = None
    beside: Where | None = None


class _Parts(ShopSpec):
    """A spec whose parts are checked each for itself: what does not hang together is listed afterwards."""

    @model_validator(mode="after")
    def _hangs_together(self) -> _Parts:
        return self


def read_spec(path: Path) -> ShopSpec:
    """The spec in the YAML file `path`.

    Raises:
        SpecError: the file is missing, larger than 4 MB, no plain YAML mapping, or says something that a
            spec cannot mean. Each problem reads `shop.yaml line 42, key: rule; way out`.
    """
    document = _Document()
    raw = document.read(_text(path))
    document.problems += [_Problem(where, text) for where, text in read_hierarchies(raw, path.parent)]
    spec, problems = (None, document.problems) if document.problems else _checked(raw)
    if spec is not None:
        return spec
    placed = [
        (problem.line or document.line(problem.beside or problem.where), problem) for problem in problems
    ]
    raise SpecError(
        f"{path.name} line {line}, {_dotted(problem.where)}: {problem.text}"
        for line, problem in sorted(placed, key=lambda entry: entry[0])
    )


def _text(path: Path) -> str:
    if not path.is_file():
        raise SpecError([f"{path.name}: there is no such file; name the shop's spec"])
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SpecError([f"{path.name}: is not UTF-8 text; save it as UTF-8"]) from None
    except OSError as error:
        raise SpecError([f"{path.name}: cannot be read; check its rights"]) from error
    if len(content) > _MOST_BYTES:
        raise SpecError([f"{path.name}: is larger than 4 MB; a spec describes tables, it holds no data"])
    return text


class _RefusedError(Exception):
    """YAML that is not read at all."""

    def __init__(self, line: int, text: str) -> None:
        self.problem = _Problem((), text, line)


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases (they can grow without bound) and of bounded depth."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            raise _RefusedError(line, "aliases (*name) are not read; write the part out")
        if self.depth >= _MOST_DEPTH:
            raise _RefusedError(line, f"is nested deeper than {_MOST_DEPTH} levels; a spec never is")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Document:
    """One YAML document as plain values, with the line of every key and what YAML would let pass."""

    def __init__(self) -> None:
        self.problems: list[_Problem] = []
        self._lines: dict[Where, int] = {(): 1}

    def read(self, text: str) -> Any:
        try:
            loader = _Loader(text)
            node = loader.get_single_node()
        except _RefusedError as refused:
            self.problems.append(refused.problem)
            return None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            text = "is not one plain YAML document; check indentation, colons and quotes"
            self.problems.append(_Problem((), text, mark.line + 1 if mark else 1))
            return None
        if not isinstance(node, yaml.MappingNode):
            self.problems.append(_Problem((), "is empty or no mapping of keys; start with `shop: name`", 1))
            return None
        return self._value(loader, node, ())

    def line(self, where: Where) -> int:
        """The line of `where`, or of the nearest part around it that stands in the file."""
        while where not in self._lines:
            where = where[:-1]
        return self._lines[where]

    def _value(self, loader: _Loader, node: yaml.Node, where: Where) -> Any:
        self._lines.setdefault(where, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return dict(self._items(loader, node, where))
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self._value(loader, item, (*where, i)) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
            return self._scalar(loader, node, where)
        self.problems.append(_Problem(where, "YAML tags (!name) are not read; write a plain value"))
        return None

    def _items(self, loader: _Loader, node: yaml.MappingNode, where: Where) -> Iterator[tuple[str, Any]]:
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag != _TAG + "str":
                text = "has a key that YAML does not read as text; put the key in quotes"
                self.problems.append(_Problem(where, text, line))
                continue
            key = str(key_node.value)
            if key in first:
                text = f"this key stands on line {first[key]} already; remove one of them"
                self.problems.append(_Problem((*where, key), text, line))
                continue
            first[key] = self._lines[(*where, key)] = line
            yield key, self._value(loader, value_node, (*where, key))

    def _scalar(self, loader: _Loader, node: yaml.ScalarNode, where: Where) -> Any:
        if node.tag == _TAG + "str":
            if node.value == "CHOOSE":
                self.problems.append(_Problem(where, "is still to be chosen; write your value in its place"))
            return str(node.value)
        try:
            value = loader.construct_object(node) if len(node.value) <= _MOST_NUMBER else math.nan
        except ValueError:
            value = math.nan
        if isinstance(value, float) and not math.isfinite(value):
            self.problems.append(_Problem(where, "is no finite number or no date; put text in quotes"))
        return value


def _checked(raw: Any) -> tuple[ShopSpec | None, list[_Problem]]:
    try:
        parts = _Parts.model_validate(raw)
        problems = [
            *_endless(parts.model_dump(), ()),
            *(_crossing(text, raw) for text in spec_problems(parts)),
        ]
        return (None, problems) if problems else (ShopSpec.model_validate(raw), [])
    except ValidationError as error:
        # One problem can show up once a member of a union.
        return None, list(dict.fromkeys(_explained(details) for details in error.errors(include_url=False)))


def _endless(value: object, where: Where) -> Iterator[_Problem]:
    """Numbers that are infinite or none, which texts such as "inf" become where a number is expected."""
    if isinstance(value, float) and not math.isfinite(value):
        yield _Problem(where, "must be a finite number; write one")
    parts = value.items() if isinstance(value, Mapping) else ()
    for part, inner in enumerate(value) if isinstance(value, tuple) else parts:
        yield from _endless(inner, (*where, part))


def _crossing(text: str, raw: Mapping[str, Any]) -> _Problem:
    """A problem between parts; its text begins with the key that it is about."""
    found = _LEADING_KEY.fullmatch(text)
    if found is None or found[1].split(".")[0] not in raw:
        return _Problem((), text)
    return _Problem(tuple(found[1].split(".")), found[2])


def _explained(details: ErrorDetails) -> _Problem:
    """A pydantic error in the reader's words."""
    where, model, in_union = _place(details["loc"])
    context, kind = details.get("ctx", {}), details["type"]
    words = (part for part in reversed(where) if isinstance(part, str))
    name = "key" if details["loc"][-1:] == ("[key]",) else next(words, "value")
    if in_union:
        return _Problem(
            where, "has none of the forms allowed here; write [low, high], two numbers or two dates"
        )
    match kind:
        case "extra_forbidden":
            known = [] if model is None else list(model.model_fields)
            return _Problem(where, f"unknown key; {_advice(str(where[-1]), known)}")
        case "missing":
            return _Problem(where, "is missing; add it")
        case "union_tag_invalid":
            # The tag itself was asked for in the file: it is a word of an enumeration.
            text = _unknown(name, context["tag"], _quoted(context["expected_tags"]))
            return _Problem(where, text, beside=(*where, "kind"))
        case "union_tag_not_found":
            return _Problem(where, f"says no kind; write for example {name}: {{kind: drop}}")
        case "model_attributes_type" | "model_type" | "dict_type":
            example = " such as {kind: drop}" if name == "transform" else ""
            return _Problem(where, f"must be a mapping of keys{example}; write it indented below its key")
        case "literal_error":
            return _Problem(where, _unknown(name, details["input"], _quoted(context["expected"])))
        case "string_type":
            return _Problem(where, "must be text; put it in quotes")
        case "value_error":
            return _Problem(where, str(context["error"]))
    return _Problem(where, f"{details['msg'].replace('Input should', 'it should')}; correct it")


def _unknown(name: str, word: object, allowed: list[str]) -> str:
    shown = f" {word!r}" if isinstance(word, str) and _WORD.fullmatch(word) else ""
    return f"unknown {name}{shown}; {_advice(str(word), allowed)}"


def _advice(word: str, allowed: list[str]) -> str:
    near = get_close_matches(word[:60], allowed, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"use one of {', '.join(allowed)}" if allowed else "remove it"


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']*)'", text)


def _place(loc: Where) -> tuple[Where, type[BaseModel] | None, bool]:
    """Where a pydantic location lies in the file, the model of its last key, and if it is a form of a union.

    Pydantic's locations also name the members of unions and mark keys; the file has neither.
    """
    where: list[str | int] = []
    here: Any = ShopSpec
    model: type[BaseModel] | None = None
    for part in loc:
        here = _bare(here)
        if get_origin(here) in (Union, types.UnionType):
            here = next((member for member in get_args(here) if _kind(member) == part), None)
            if here is None:
                return tuple(where), None, True
        elif part != "[key]":
            model = here if isinstance(here, type) and issubclass(here, BaseModel) else None
            where.append(part)
            here = _inside(here, part)
    return tuple(where), model, False


def _inside(here: Any, part: str | int) -> Any:
    """The annotation of what lies under `part`, or None."""
    if isinstance(here, type) and issubclass(here, BaseModel):
        field = here.model_fields.get(str(part))
        return None if field is None else field.annotation
    inner = get_args(here)
    return inner[1 if get_origin(here) is dict else 0] if inner else None


def _bare(annotation: Any) -> Any:
    """The annotation without `Annotated` and without None."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    members = [member for member in get_args(annotation) if member is not type(None)]
    if get_origin(annotation) in (Union, types.UnionType) and len(members) == 1:
        return _bare(members[0])
    return annotation


def _kind(member: Any) -> object:
    """The tag of a member of a discriminated union."""
    fields = member.model_fields if isinstance(member, type) and issubclass(member, BaseModel) else {}
    return fields["kind"].default if "kind" in fields else None


def _dotted(where: Where) -> str:
    words = [part if isinstance(part, str) and _WORD.fullmatch(part) else ascii(part)[:60] for part in where]
    return ".".join(words) or "the spec"
