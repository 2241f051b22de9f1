"""Measures of a table: how anonymous it is, as numbers. Internal to the shop unless its data is public."""

from __future__ import annotations

from pydantic import Field

from models.values.base import Value


class ColumnMeasures(Value):
    """What the classes say about one sensitive column; the worst class counts.

    `l`: distinct l-diversity; `entropy_l`: exp of the least entropy; `c`: recursive (c, l)-diversity holds for every
    c above it, at the l asked for (None: for no c); `equal` and `ordered`: t-closeness by total variation and by
    earth mover's distance (None: the column has no order); `beta`: basic beta-likeness; `enhanced_beta`: the same if
    enhanced beta-likeness holds from there on (None: it holds for no beta; Cao & Karras 2012).
    """

    column: str
    l: int  # noqa: E741  # the paper's letter
    entropy_l: float
    c: float | None
    equal: float
    ordered: float | None = None
    beta: float
    enhanced_beta: float | None = None


class Risk(Value):
    """The risk that an attacker puts the right name to a row: the worst row, the mean, and the share of rows whose
    risk is above the threshold that was asked for."""

    highest: float = Field(ge=0, le=1)
    average: float = Field(ge=0, le=1)
    above_threshold: float = Field(ge=0, le=1)


class Measures(Value):
    """All measures of one table over its quasi-identifiers; a missing value is a value.

    `k`: rows (or customers) of the smallest class, 0 for a table without rows; `sizes`: (size, classes of that
    size); `singled_out`: rows that are alone in their class. `prosecutor`: the attacker knows that the customer is in
    the table; `journalist`: only that the customer is in the population; `marketer`: the share of rows that
    somebody who names all of them gets right (El Emam 2013). `population_unique`: the share of rows estimated to be
    unique in a population of `population` people. `presence`: the least and the largest share of a population's
    class that is in the table (delta-presence, Nergiz et al. 2007); None if no population was given.
    """

    rows: int
    classes: int
    k: int
    singled_out: int
    sizes: tuple[tuple[int, int], ...]
    columns: tuple[ColumnMeasures, ...] = ()
    prosecutor: Risk
    journalist: Risk
    marketer: float
    population: int
    population_unique: float
    presence: tuple[float, float] | None = None

    def facts(self) -> dict[str, float | int | str]:
        """The measures by plain name, for the record of a table; what is None is left out."""
        flat: dict[str, float | int | str | None] = {
            "k": self.k,
            "classes": self.classes,
            "singled_out": self.singled_out,
            "prosecutor_highest": self.prosecutor.highest,
            "prosecutor_average": self.prosecutor.average,
            "journalist_highest": self.journalist.highest,
            "marketer": self.marketer,
            "population_unique": self.population_unique,
            "presence_lowest": None if self.presence is None else self.presence[0],
            "presence_highest": None if self.presence is None else self.presence[1],
        }
        for place, column in enumerate(self.columns):
            named = column.model_dump(exclude={"column"})
            flat |= {f"{name}_of_{column.column}": value for name, value in named.items()}
            flat["l"] = column.l if place == 0 else min(int(flat["l"] or 0), column.l)
        return {name: value for name, value in flat.items() if value is not None}
