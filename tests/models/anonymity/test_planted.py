"""Planted bugs of de-identification, consent and release: each fails, by an assertion, the test that is there for it.

`make prove` applies them one at a time to a copy of the code and prints a table: bug, test that caught it.
The number before a name is its row among the bugs that a privacy test-suite must catch (THREATS).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.planted import Bug, check

CODE, HERE, GATE = "models/anonymity", "tests/models/anonymity", "tests/expectations/gates"
KEYS, STAGES = "tests/infra/test_keys.py", "tests/tasks/test_deidentification.py"
SEARCH, LATTICE = f"{CODE}/search", f"{HERE}/search/test_lattice.py"
CONSENT = f"{HERE}/test_consent.py"
OPTIMUM = f"{LATTICE}::test_the_optimum_is_that_of_brute_force[from below-0]"
WRITTEN = f"{HERE}/test_published.py::test_the_written_rows_keep_the_criteria"
RULES = f"{GATE}/test_gate.py::test_planted_fault_is_flagged"
COMPARED = f"{GATE}/test_anonymity.py::test_expectations_agree_with_the_reference[some]"
MEASURED = f"{HERE}/test_measures.py::test_against_brute_force"

PSEUDONYMS = {
    "39 one pseudonym key for all purposes": Bug(
        file="infra/keys.py",
        old='json.dumps(["privet pseudonym key 1", shop, purpose, domain])',
        new='json.dumps(["privet pseudonym key 1", shop, domain])',
        caught_by=f"{KEYS}::test_pseudonym_keys_differ_by_shop_purpose_and_domain",
    ),
    "39 a pseudonym's key is a token's, too": Bug(
        file=f"{CODE}/keyed.py",
        old='return f"token={domain}"',
        new="return domain",
        caught_by=f"{HERE}/test_keyed.py::test_no_two_kinds_share_a_key",
    ),
    "40 phone hashed without a key": Bug(
        file=f"{CODE}/pseudonyms.py",
        old="return sha256(key.outer + unhex(sha256(key.inner + encode(text))))",
        new="return sha256(encode(text))",
        caught_by=f"{HERE}/test_pseudonyms.py::test_a_table_of_all_numbers_hashed_finds_no_phone",
    ),
    "40 buckets by a hash without a key": Bug(
        file=f"{CODE}/keyed.py",
        old='tag = hmac_sha256(normalise(column.cast("string"), "id"), key)',
        new=(
            "from models.anonymity.functions import encode, sha256\n\n"
            '    tag = sha256(encode(normalise(column.cast("string"), "id")))'
        ),
        caught_by=f"{HERE}/test_keyed.py::test_buckets_are_even_and_keyed",
    ),
    "41 the key beside the data": Bug(
        file="tasks/deidentification.py",
        old='named = {f"key_of_{domain}": key_id(key.secret)',
        new='named = {f"key_of_{domain}": key.secret.reveal().hex()',
        caught_by=f"{STAGES}::test_no_key_lies_beside_the_data",
    ),
    "41 part of the key as its name": Bug(
        file="infra/keys.py",
        old='return hmac.new(key.reveal(), b"privet key id", hashlib.sha256).hexdigest()[:16]',
        new="return key.reveal().hex()[:16]",
        caught_by=f"{KEYS}::test_the_name_of_a_key_says_nothing_of_it",
    ),
    "42 rotation off": Bug(
        file="tasks/deidentification.py",
        old="shop.releases[name].purpose, shop.pseudonyms.epoch",
        new="shop.releases[name].purpose, None",
        caught_by=f"{STAGES}::test_rotation_gives_new_pseudonyms_and_finds_the_old_ones",
    ),
    "42 a new epoch has the old root": Bug(
        file="infra/keys.py",
        old='return shop if epoch is None else f"{shop}/{epoch}"',
        new="return shop",
        caught_by=f"{KEYS}::test_an_epoch_has_keys_of_its_own_until_it_is_destroyed",
    ),
    "42 old pseudonyms lead to new ones without the raw value": Bug(
        file=f"{CODE}/pseudonyms.py",
        old='for name, key in (("old", old), ("new", new))}',
        new='for name, key in (("old", old), ("new", old))}',
        caught_by=f"{HERE}/test_pseudonyms.py::test_an_old_pseudonym_leads_to_the_new_one_by_the_raw_value_only",
    ),
    "42 a destroyed epoch made anew": Bug(
        file="infra/keys.py",
        old="UPDATE root_key SET wrapped = X'' WHERE",
        new="DELETE FROM root_key WHERE",
        caught_by=f"{KEYS}::test_an_epoch_has_keys_of_its_own_until_it_is_destroyed",
    ),
}
COARSE = {
    "43 amounts not rounded": Bug(
        file=f"{CODE}/generalise.py",
        old="steps = (number / transform.step).round()",
        new="steps = number / transform.step",
        caught_by=f"{HERE}/test_generalise.py::test_transform",
    ),
    "43 rounding not seen by the gate": Bug(
        file="expectations/gates/expectations.py",
        old="abs({value} - {nearest}) > 1e-6",
        new="abs({value} - {nearest}) > 1e6",
        caught_by=f"{GATE}/test_steps.py::test_only_multiples_of_the_step_pass",
    ),
    "43 the join with an unrounded table not tried": Bug(
        file=f"{CODE}/attacks.py",
        old="for mine, theirs in product(columns, others)",
        new="for mine, theirs in product(columns, others) if mine == theirs",
        caught_by=f"{HERE}/test_attacks.py::test_a_rounded_table_leaks_through_one_that_is_not",
    ),
    "43 the same shift for all customers' dates": Bug(
        file=f"{CODE}/keyed.py",
        old="return bits(tag, 48, 15) % (2 * transform.days + 1) - transform.days",
        new="return bits(tag, 48, 15) * 0 + transform.days",
        caught_by=f"{HERE}/test_keyed.py::test_customers_are_moved_apart_and_by_every_number_of_days",
    ),
    "43 a shifted date keeps its time of day": Bug(
        file=f"{CODE}/policy.py",
        old="truncate(shifted(value, found), Truncate(unit=unit))",
        new="shifted(value, found)",
        caught_by=f"{HERE}/test_policy_transforms.py::test_every_transform_through_the_policy",
    ),
    "43 groups of means with fewer than k": Bug(
        file=f"{CODE}/micro.py",
        old="last = (numbered.total / k).floor() - 1",
        new="last = (numbered.total / k).floor()",
        caught_by=f"{HERE}/test_micro.py::test_as_by_hand_in_any_order",
    ),
}
CLASSES = {
    "44 suppressed rows written all the same": Bug(
        file=f"{SEARCH}/write.py",
        old="    if not gone.size:",
        new="    if True:",
        caught_by=f"{WRITTEN}[criteria0-lattice]",
    ),
    "44 t measured before the suppression": Bug(
        file=f"{SEARCH}/criteria.py",
        old="            break\n        kept = still",
        new="            break\n        return still",
        caught_by=f"{LATTICE}::test_t_is_measured_again_without_what_was_suppressed",
    ),
    "44 many rows of one customer are a crowd": Bug(
        file=f"{CODE}/measures.py",
        old="size = table.count() if unit is None else _distinct(table[unit])",
        new="size = table.count()",
        caught_by=f"{HERE}/test_measures.py::test_many_rows_of_one_customer_are_no_crowd",
    ),
    "44 the gate takes k - 1 for k": Bug(
        file="expectations/gates/anonymity.py",
        old='f"n < {int(k)}"',
        new='f"n < {int(k) - 1}"',
        caught_by=f"{RULES}[a class of k - 1 rows]",
    ),
    "45 classes of missing values left out by the gate": Bug(
        file="expectations/gates/anonymity.py",
        old='return f"(SELECT {measured} FROM {{batch}}{grouped})"',
        new=(
            'known = " AND ".join(f"{_name(name)} IS NOT NULL" for name in quasi) or "true"\n'
            '    return f"(SELECT {measured} FROM {{batch}} WHERE {known}{grouped})"'
        ),
        caught_by=f"{RULES}[a class of 3 with nulls]",
    ),
    "45 rows that miss a value lost in suppression": Bug(
        file=f"{CODE}/measures.py",
        old="return table.semi_join(kept, [table[name].identical_to(kept[name]) for name in quasi])",
        new="return table.semi_join(kept, [table[name] == kept[name] for name in quasi])",
        caught_by=MEASURED,
    ),
    "45 rows that miss a value lost when levels are written": Bug(
        file=f"{SEARCH}/write.py",
        old="beside, joined[ladder.column].identical_to(beside[_OLD + ladder.column])",
        new="beside, joined[ladder.column] == beside[_OLD + ladder.column]",
        caught_by=f"{HERE}/test_published.py::test_rows_that_miss_a_value_are_written_at_every_level",
    ),
    "45 a missing sensitive value is no value": Bug(
        file=f"{CODE}/measures.py",
        old='return column.nunique() + column.isnull().any().fill_null(False).cast("int64")',
        new="return column.nunique()",
        caught_by=MEASURED,
    ),
    "45 empty and blank texts counted as one class": Bug(
        file=f"{CODE}/measures.py",
        old="    size = table.count() if unit is None",
        new=(
            "    for name in quasi:\n        if table[name].type().is_string():\n"
            "            table = table.mutate(**{name: table[name].strip()})\n"
            "    size = table.count() if unit is None"
        ),
        caught_by=MEASURED,
    ),
    "45 not a number counted as missing": Bug(
        file=f"{CODE}/measures.py",
        old="    size = table.count() if unit is None",
        new=(
            "    for name in quasi:\n        if table[name].type().is_floating():\n"
            '            table = table.mutate(**{name: table[name].nullif(float("nan"))})\n'
            "    size = table.count() if unit is None"
        ),
        caught_by=MEASURED,
    ),
    "46 suppressed rows are a class": Bug(
        file=f"{SEARCH}/find.py",
        old="shown[~gone] = number(owner[~gone])[0]",
        new="shown = number(owner)[0]",
        caught_by=f"{LATTICE}::test_suppressed_rows_are_no_class",
    ),
    "46 suppression counted in classes and not in customers": Bug(
        file=f"{SEARCH}/find.py",
        old="suppressed=float(classes.counts[gone].sum())",
        new="suppressed=float(gone.sum())",
        caught_by=f"{LATTICE}::test_a_null_is_a_value_that_forms_classes",
    ),
    "46 a search that counts too little as suppressed": Bug(
        file=f"{SEARCH}/node.py",
        old="share = float(found.sizes[~kept].sum()) / question.total",
        new="share = float((~kept & found.filled).sum()) / question.total",
        caught_by=f"{LATTICE}::test_the_optimum_is_that_of_brute_force[from below-100]",
    ),
    "46 the record says too little was suppressed": Bug(
        file="tasks/measuring.py",
        old="gone = before.rows - after.rows",
        new="gone = (before.rows - after.rows) // 2",
        caught_by="tests/tasks/test_measuring.py::test_what_was_suppressed_is_what_is_not_there",
    ),
    "47 no l asked by the search": Bug(
        file=f"{SEARCH}/criteria.py",
        old="kept &= distinct(histogram, groups.sizes.size) >= anonymity.l",
        new="kept &= distinct(histogram, groups.sizes.size) >= 1",
        caught_by=f"{LATTICE}::test_a_uniform_sensitive_value_needs_l",
    ),
    "47 the gate counts rows for sensitive values": Bug(
        file="expectations/gates/anonymity.py",
        old='different = f"count(DISTINCT {value}) +',
        new='different = f"count({value}) +',
        caught_by=f"{RULES}[one sensitive value]",
    ),
    "47 entropy of a class not looked at": Bug(
        file=f"{SEARCH}/criteria.py",
        old="kept &= entropies(histogram, groups.sizes) >= anonymity.least_entropy - SLACK",
        new="kept &= groups.filled",
        caught_by=OPTIMUM,
    ),
    "presence not a criterion of the search": Bug(
        file=f"{SEARCH}/criteria.py",
        old="        kept &= present(groups, anonymity.presence)\n",
        new="        present(groups, anonymity.presence)\n",
        caught_by=OPTIMUM,
    ),
    "presence counted in the cut of the spec": Bug(
        file=f"{CODE}/published.py",
        old="return recoded(people, ladders, [1] * len(ladders))",
        new="return recoded(people, ladders, [0] * len(ladders))",
        caught_by=f"{GATE}/test_presence.py::test_the_gate_counts_the_population_at_the_levels_of_the_search[0]",
    ),
    "presence: classes of whom nobody is there pass": Bug(
        file="expectations/gates/anonymity.py",
        old="(there > 0 AND here < ({least}) * there)",
        new="(here > 0 AND here < ({least}) * there)",
        caught_by=f"{GATE}/test_anonymity.py::test_presence_counts_the_classes_of_the_population[here2-within2-False]",
    ),
}
PASSED_THROUGH = {
    "48 an unknown column kept": Bug(
        file=f"{CODE}/policy.py",
        old="    if unknown:\n",
        new="    if False:\n",
        caught_by=f"{HERE}/test_policy.py::test_what_is_not_described_stops_the_release",
    ),
    "48 an unknown column passes the gate": Bug(
        file="expectations/gates/expectations.py",
        old="len(good) == len(columns) == len(types)",
        new="len(good) == len(columns)",
        caught_by=f"{RULES}[extra column]",
    ),
    "48 free text passed through": Bug(
        file=f"{CODE}/policy.py",
        old="released[column.name] = table[cleared[column.name]]",
        new="released[column.name] = value",
        caught_by=f"{HERE}/test_policy.py::test_texts_are_cleared_of_the_customers_own_name",
    ),
    "48 e-mail addresses in text pass the gate": Bug(
        file="expectations/gates/expectations.py",
        old="for p in patterns.values()), shown)",
        new="for p in list(patterns.values())[-1:]), shown)",
        caught_by=f"{RULES}[e-mail in text]",
    ),
    "48 the customers' own identifiers pass the gate": Bug(
        file="expectations/gates/expectations.py",
        old='rows = f"SELECT DISTINCT lower(trim(CAST({_name(name)} AS VARCHAR))) AS v FROM {{batch}}"',
        new="rows = \"SELECT '' AS v FROM {batch}\"",
        caught_by=f"{RULES}[raw key in attribute]",
    ),
    "48 nested data taken as text": Bug(
        file="expectations/contracts/parse.py",
        old="    if kind.is_nested() or kind.is_binary():\n",
        new="    if kind.is_binary():\n",
        caught_by="tests/expectations/contracts/test_compiled.py::test_nested_data_is_refused",
    ),
    "48 a header that is an e-mail address reported": Bug(
        file="expectations/contracts/compiled.py",
        old="(name if plain.fullmatch(name) else",
        new="(name if True else",
        caught_by="tests/expectations/contracts/test_compiled.py::test_dropped_columns_hide_headers_that_may_be_data",
    ),
    "48 footers and statistics left open": Bug(
        file="infra/engine_duckdb.py",
        old="        options = f\"{PARQUET}, ENCRYPTION_CONFIG {{footer_key: '{name}'}}\"\n        try:",
        new='        options = f"{PARQUET}"\n        try:',
        caught_by="tests/infra/test_engine.py::TestParquet::test_round_trip_shows_nothing",
    ),
    "48 rows in the order of the raw file": Bug(
        file="infra/datasets.py",
        old="order = list(table.columns)",
        new="order: list[str] = []",
        caught_by="tests/infra/test_datasets.py::test_rows_lie_in_an_order_that_tells_nothing_of_their_origin",
    ),
    "51 a failed stage quotes what it read": Bug(
        file="tasks/stage.py",
        old="failed with {type(error).__name__} at",
        new="failed with {error!r} at",
        caught_by="tests/tasks/test_stage.py::test_nothing_of_a_fault_leaves_the_stage[in_the_message]",
    ),
    "55 keys not bound to their data set": Bug(
        file="infra/keys.py",
        old='return json.dumps(["privet data key", self.id, self.ref, self.product, self.purpose]).encode()',
        new='return b"privet data key"',
        caught_by=f"{KEYS}::test_a_changed_row_opens_nothing",
    ),
    "56 keys handed out without an entry in the log": Bug(
        file="infra/keys.py",
        old='        asked.record(self._log, "allowed", facts)\n',
        new="",
        caught_by=f"{KEYS}::test_every_decision_is_logged_before_any_key_leaves",
    ),
}
ALLOWED = {
    "49 an outer join brings denied customers back": Bug(
        file=f"{CODE}/consent.py",
        old="return table.semi_join(allowed, table[column] == allowed.customer)",
        new="return table.left_join(allowed, table[column] == allowed.customer).select(*table.columns)",
        caught_by=f"{CONSENT}::test_only_customers_who_allow_it",
    ),
    "49 unknown means yes": Bug(
        file=f"{CODE}/consent.py",
        old="agrees=at_last.state.isin(states).all()",
        new='agrees=at_last.state.notin(["withdrawn"]).all()',
        caught_by=f"{CONSENT}::test_only_customers_who_allow_it",
    ),
    "49 one of two contradicting records is enough": Bug(
        file=f"{CODE}/consent.py",
        old="agrees=at_last.state.isin(states).all()",
        new="agrees=at_last.state.isin(states).any()",
        caught_by=f"{CONSENT}::test_ties_are_denied",
    ),
    "49 an undated record does not count": Bug(
        file=f"{CODE}/consent.py",
        old=" & ~at_last.undated.any()",
        new="",
        caught_by=f"{CONSENT}::test_a_record_without_a_time_denies",
    ),
    "49 consent to another purpose": Bug(
        file=f"{CODE}/consent.py",
        old="records = records.filter(records.about == purpose.strip().lower())",
        new="records = records.filter(records.about.notnull())",
        caught_by=f"{CONSENT}::test_only_customers_who_allow_it",
    ),
    "50 a trainer reads raw data": Bug(
        file="infra/policies.cedar",
        old='  resource.zone == "internal" &&\n  resource.product == "internal"\n};\n\n@id("gatekeeper',
        new='  ["raw", "internal"].contains(resource.zone)\n};\n\n@id("gatekeeper',
        caught_by="tests/infra/test_access.py::test_a_trainer_reads_events_for_their_purpose_only",
    ),
    "50 released data used for another purpose": Bug(
        file="infra/policies.cedar",
        old='  resource.purpose != "" && context.purpose == resource.purpose\n};\n',
        new='  resource.purpose != ""\n};\n',
        caught_by="tests/infra/test_access.py::test_a_trainer_reads_events_for_their_purpose_only",
    ),
}
RELEASED = {
    "a release published before its gate": Bug(
        file="infra/manifests.py",
        old='if ref.zone == "released" and not (manifest.gate and manifest.gate.passed):',
        new='if ref.zone == "released" and manifest.gate is None:',
        caught_by="tests/infra/test_manifests.py::test_nothing_is_released_without_its_gate",
    ),
    "the gate's verdict not heeded": Bug(
        file="tasks/gating.py",
        old="        if not result.passed:\n",
        new="        if False:\n",
        caught_by="tests/tasks/test_comparing.py::test_two_releases_subtracted_single_nobody_out",
    ),
    "what the gate cannot evaluate passes": Bug(
        file="expectations/gates/gate.py",
        old="passed=verdict is True,",
        new="passed=verdict is not False,",
        caught_by=f"{GATE}/test_gate.py::test_what_cannot_be_evaluated_has_failed",
    ),
    "events called anonymous": Bug(
        file="infra/manifests.py",
        old='if table.product == "events" and claimed != "pseudonymous":',
        new="if False:",
        caught_by="tests/infra/test_manifests.py::test_events_are_called_pseudonymous_and_nothing_more",
    ),
    "the registry of releases off": Bug(
        file="tasks/comparing.py",
        old="            if is_published(entry, source):",
        new="            if False:",
        caught_by="tests/tasks/test_comparing.py::test_an_unchanged_shop_is_released_again",
    ),
    "two releases may differ by one customer": Bug(
        file=f"{CODE}/differencing.py",
        old="small = found.gained.between(1, k - 1) | found.lost.between(1, k - 1)",
        new="small = found.gained.between(2, k - 1) | found.lost.between(2, k - 1)",
        caught_by=f"{HERE}/test_differencing.py::test_small_differences_are_found",
    ),
    "what came and what went offset each other": Bug(
        file=f"{CODE}/differencing.py",
        old="found = cells.group_by(list(classes)).aggregate(**parts) if classes",
        new=(
            "cells = cells.group_by(list(classes)).aggregate(more=cells.more.sum())\n"
            '    parts = {"gained": ibis.greatest(cells.more, 0).sum(), "lost": ibis.greatest(-cells.more, 0).sum()}\n'
            "    found = cells.group_by(list(classes)).aggregate(**parts) if classes"
        ),
        caught_by=f"{HERE}/test_differencing.py::test_small_differences_are_found",
    ),
    "overlapping bands not compared": Bug(
        file=f"{CODE}/differencing.py",
        old="        if _edges(new.columns[name], old.columns.get(name)):\n",
        new="        if False:\n",
        caught_by=f"{HERE}/test_differencing.py::test_who_is_between_overlapping_bands_is_found",
    ),
    "a daily table not held steady": Bug(
        file=f"{CODE}/steady.py",
        old="    return _limited(table, kept) if kept else table\n",
        new="    return table\n",
        caught_by=f"{HERE}/test_steady.py::test_subtracting_any_two_days_singles_nobody_out[1]",
    ),
    "24 what is fitted on all customers on the way to training": Bug(
        file="models/values/consistency.py",
        old='if isinstance(transform, MicroAggregate) and release.product != "attributes":',
        new="if False:",
        caught_by="tests/models/values/test_transform.py::test_what_is_fitted_on_data_is_for_published_tables_only",
    ),
    "24 rounding fitted to the largest amount of all customers": Bug(
        file=f"{CODE}/generalise.py",
        old="    number = _number(column)\n    if transform.low",
        new=(
            "    number = _number(column)\n"
            "    number = number - number.max().over(ibis.window()) % transform.step\n    if transform.low"
        ),
        caught_by=f"{HERE}/test_policy_transforms.py::test_a_customers_rows_are_the_same_without_the_others",
    ),
    "24 values numbered over all customers' texts": Bug(
        file=f"{CODE}/text.py",
        old="group_by=(marks.numbers_of_, marks.kind)",
        new="group_by=marks.kind",
        caught_by=f"{HERE}/test_text.py::test_no_customer_decides_the_numbers_of_another",
    ),
}
NOISED = {
    "noise that nobody paid for": Bug(
        file="tasks/deidentification.py",
        old="    for column, each in noise.items():\n",
        new="    for column, each in dict[str, Any]().items():\n",
        caught_by=f"{STAGES}::test_noise_is_paid_for_before_it_is_drawn_and_committed_with_the_release",
    ),
    "noise paid for by half": Bug(
        file="tasks/deidentification.py",
        old="            epsilon=epsilon,\n",
        new="            epsilon=epsilon / 2,\n",
        caught_by=f"{STAGES}::test_noise_is_paid_for_before_it_is_drawn_and_committed_with_the_release",
    ),
    "more rows of a customer than the noise is for": Bug(
        file="tasks/deidentification.py",
        old="if most > min(each.rows for each in noise.values()):",
        new="if False:",
        caught_by=f"{STAGES}::test_no_noise_without_a_bound_on_rows_and_a_budget",
    ),
    "the same noise in every preparation": Bug(
        file="tasks/deidentification.py",
        old="SecretBytes(secrets.token_bytes(32))",
        new="SecretBytes(bytes(32))",
        caught_by=f"{STAGES}::test_each_preparation_draws_anew_and_pays_again",
    ),
    "every row spends the whole epsilon": Bug(
        file=f"{CODE}/noise.py",
        old="return transform.steps * transform.rows / transform.epsilon",
        new="return transform.steps / transform.epsilon",
        caught_by=f"{HERE}/test_noise.py::test_epsilon_is_shared_by_a_customers_rows",
    ),
    "a missing value gets no noise": Bug(
        file=f"{CODE}/noise.py",
        old=".fill_null(transform.low)",
        new="",
        caught_by=f"{HERE}/test_noise.py::test_what_is_outside_or_missing_looks_like_the_rest",
    ),
    "values not clamped before the noise": Bug(
        file=f"{CODE}/noise.py",
        old="steps = known.clip(lower=transform.low, upper=transform.high) / transform.step",
        new="steps = known / transform.step",
        caught_by=f"{HERE}/test_noise.py::test_what_is_outside_or_missing_looks_like_the_rest",
    ),
    "Laplace noise of half its scale": Bug(
        file=f"{CODE}/noise.py",
        old="return (other.ln() - one.ln()) * width",
        new="return (other.ln() - one.ln()) * width / 2",
        caught_by=f"{HERE}/test_noise.py::test_noise_has_the_distribution_of_its_mechanism[laplace]",
    ),
    "discrete Gaussian for half the sensitivity": Bug(
        file=f"{CODE}/discrete.py",
        old="sensitivity**2 / (2 * largest_rho",
        new="sensitivity**2 / (8 * largest_rho",
        caught_by=f"{HERE}/test_discrete.py::test_the_variance_gives_epsilon_and_delta",
    ),
    "discrete Laplace for a discrete Gaussian": Bug(
        file=f"{CODE}/discrete.py",
        old="if _exponential(bits, off * off, 2 * parts * scale * scale * PARTS):",
        new="if off is not None:",
        caught_by=f"{HERE}/test_discrete.py::test_draws_have_the_stated_law",
    ),
}
BUGS = {**PSEUDONYMS, **COARSE, **CLASSES, **PASSED_THROUGH, **ALLOWED, **RELEASED, **NOISED}


@pytest.mark.prove
def test_every_planted_bug_is_caught_by_its_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(tmp_path, BUGS, capsys, by_assertion=True)
