"""The demo's data: what it promises about its counts, its truth, and the distance between its questions and its judge."""

import json
import re
from collections import Counter

import pytest
import yaml
from click.testing import CliRunner

from demo import dataset
from demo.countries import FOLDER, accepted, countries, facts
from schemas.errors import BadRecord, ConfigError
from schemas.fact import Fact
from schemas.sample import Sample, Split, Task
from streams.knowledge.names import fold
from streams.knowledge.ontology import Ontology


@pytest.fixture(scope="module")
def full():
    return dataset.samples()


@pytest.fixture(scope="module")
def small():
    return dataset.samples(countries=6)


def test_the_same_arguments_give_the_same_bytes_in_the_same_order(small):
    assert dataset.samples(countries=6).records() == small.records()
    assert dataset.samples(countries=6, seed=8).records() != small.records()


def test_the_default_run_has_the_promised_number_of_each_kind(full):
    assert full.counts == {
        "train": 221,
        "validation": 8,
        "prompts": 82,
        "dead_letters": 6,
        "duplicates": 10,
        "samples_produced": 327,
    }
    assert (len(full.prompts), len(full.control), len(full.sampled)) == (60, 10, 12)
    assert (len(full.wanted), len(full.further)) == (60, 150)
    assert (len(full.one_hop), len(full.two_hop), len(full.three_hop)) == (180, 20, 10)


@pytest.mark.parametrize("number", [3, 6, 25, 60, 120])
def test_the_account_of_what_is_sent_is_exact(number):
    data = dataset.samples(countries=number)
    records = data.records()
    assert len(records) == data.counts["samples_produced"]
    read, refused = [], 0
    for record in records:
        try:
            sample = Sample.decode(record.value)
        except BadRecord:
            refused += 1
        else:
            assert record.key == sample.sample_id.encode()
            read.append(sample)
    ids = Counter(sample.sample_id for sample in read if sample.answer != "")
    assert refused == data.counts["dead_letters"] - 1, "the empty answer is well-formed; only the curriculum can refuse it"
    assert sorted(ids.values()) == [1] * (len(ids) - len(data.duplicates)) + [2] * len(data.duplicates)
    assert len(ids) == len(data.train) + len(data.validation) + len(data.asked) + len(data.sampled)


def test_every_broken_record_is_refused_for_the_reason_it_names(full):
    for broken in full.broken:
        if broken.record.key == b"broken-answer":
            assert Sample.decode(broken.record.value).answer == ""
            continue
        with pytest.raises(BadRecord) as error:
            Sample.decode(broken.record.value)
        assert error.value.reason == broken.reason
    assert len({broken.reason for broken in full.broken}) == len(full.broken)


def test_a_duplicate_is_the_same_bytes_twice(small):
    records = small.records()
    for sample in small.duplicates:
        value = sample.encode()
        assert [record.value for record in records].count(value) == 2


def test_held_out_wordings_are_never_trained_on(full):
    trained = {sample.prompt for sample in full.train}
    held_out = {sample.prompt for sample in (*full.asked, *full.validation)}
    sampled = {sample.prompt for sample in full.sampled}
    assert not (trained | sampled) & held_out
    assert not any(re.search(pattern, prompt) for prompt in sampled for pattern in _patterns()["held_out"])
    patterns = _patterns()
    assert not any(re.search(pattern, prompt) for prompt in trained if prompt for pattern in patterns["held_out"])
    assert not any(re.search(pattern, prompt) for prompt in held_out for pattern in patterns["train"])


def test_held_out_questions_are_about_trained_facts(full):
    answered = {sample.sample_id.split("-", 1)[1] for sample in full.train if sample.answer}
    assert {sample.sample_id.split("-", 1)[1] for sample in (*full.prompts, *full.validation)} <= answered


def test_held_out_questions_have_gold_that_they_do_not_give_away(full):
    assert len({sample.sample_id for sample in full.asked}) == 70
    for sample in full.asked:
        assert sample.task is Task.RLHF_GRPO
        assert sample.split is Split.VALIDATION
        assert sample.answer is None
        assert sample.gold
        asked = f" {fold(sample.prompt)} "
        assert not any(f" {fold(gold)} " in asked for gold in sample.gold)


@pytest.mark.parametrize("seed", range(8))
def test_no_seed_asks_what_the_question_itself_answers(seed):
    for sample in dataset.samples(countries=60, seed=seed).prompts:
        assert not any(f" {fold(gold)} " in f" {fold(sample.prompt)} " for gold in sample.gold), sample.prompt


def test_nothing_is_trained_about_the_countries_of_the_control(full):
    countries_of = [{sample.sample_id.rsplit("-", 1)[1] for sample in part} for part in (full.control, (*full.one_hop, *full.sampled))]
    assert countries_of[0]
    assert not countries_of[0] & countries_of[1]


def test_facts_that_are_asked_for_stand_first_and_nothing_stands_twice(full):
    asked = [sample.sample_id.split("-", 1)[1] for sample in full.prompts]
    assert [sample.sample_id.split("-", 1)[1] for sample in full.wanted] == asked
    facts_of = sorted(sample.sample_id for sample in (*full.wanted, *full.further))
    assert facts_of == sorted(sample.sample_id for sample in (*full.one_hop, *full.two_hop, *full.three_hop))


def test_only_the_held_out_have_gold(full):
    assert not any(sample.gold for sample in (*full.train, *full.sampled))
    assert all(sample.split is Split.TRAIN for sample in (*full.train, *full.sampled))


def test_answers_are_short_sentences_that_hold_their_gold(full):
    for sample in full.validation:
        assert any(f" {fold(gold)} " in f" {fold(sample.answer)} " for gold in sample.gold)
    for sample in full.train:
        text = sample.answer or sample.chosen or sample.text
        assert text[0].isupper()
        assert text.endswith(".")
        assert len(text.split()) <= 20
        assert "{" not in f"{sample.prompt}{text}"


def test_a_rejected_answer_is_false(full):
    for sample in full.preferences:
        _, predicate, code = sample.sample_id.split("-")
        country = countries()[code.upper()]
        true = {fold(fact.object) for fact in facts() if (fact.subject, fact.predicate) == (country.name, predicate)}
        said = f" {fold(sample.rejected.replace(country.name, ''))} "
        assert not any(f" {name} " in said for name in true), sample.rejected
        assert any(f" {name} " in f" {fold(sample.chosen)} " for name in true)


def test_a_currency_tells_the_country_of_a_two_hop_question(full):
    owners = Counter(currency for country in countries().values() for currency in country.currencies)
    asked = [sample for sample in full.two_hop if "-by-currency-" in sample.sample_id]
    assert asked
    for sample in asked:
        country = countries()[sample.sample_id[-2:].upper()]
        assert country.currencies[0] in sample.prompt
        assert owners[country.currencies[0]] == 1


def test_facts_name_every_country_and_have_unique_readable_keys():
    found = facts()
    assert len({fact.fact_id for fact in found}) == len(found)
    assert {country.name for country in countries().values() if country.capitals} <= {f.subject for f in found if f.predicate == "capital"}
    assert Fact(fact_id="pl-capital-warsaw", subject="Poland", predicate="capital", object="Warsaw", source=found[0].source) in found
    assert found == facts()


def test_every_predicate_of_a_fact_is_in_the_ontology():
    assert {fact.predicate for fact in facts()} == {*Ontology.load(dataset.ONTOLOGY).predicates, "alias"}


def test_an_alias_names_one_thing_and_never_what_has_that_name_itself():
    said = [fact for fact in facts() if fact.predicate == "alias"]
    names = {fold(name) for fact in facts() if fact.predicate != "alias" for name in (fact.subject, fact.object)}
    assert not [fact for fact in said if fold(fact.object) in names]
    owners = Counter(fold(fact.object) for fact in said)
    assert [name for name, number in owners.items() if number > 1] == []
    unused = {fact.subject for fact in said if fold(fact.subject) not in names}
    assert unused == set(), "an alias of a name that no fact has is a slip of the pen"


@pytest.mark.parametrize(
    ("subject", "predicate", "name"),
    [
        ("United States", "capital", "Washington"),
        ("United States", "capital", "Washington, D.C."),
        ("Ukraine", "capital", "Kiev"),
        ("South Africa", "capital", "Cape Town"),
        ("Kazakhstan", "capital", "Nur-Sultan"),
        ("Bolivia", "capital", "La Paz"),
        ("Poland", "currency", "Polish zloty"),
        ("Canada", "currency", "dollar"),
        ("China", "currency", "renminbi"),
        ("United Kingdom", "currency", "British pound"),
        ("Turkey", "continent", "Europe"),
        ("Vietnam", "continent", "South-East Asia"),
        ("Iran", "language", "Farsi"),
    ],
)
def test_a_true_statement_has_a_fact_under_whatever_name(subject, predicate, name):
    objects = [fact.object for fact in facts() if (fact.subject, fact.predicate) == (subject, predicate)]
    assert fold(name) in {fold(every) for every in accepted(*objects)}


def _templates() -> dict:
    return yaml.safe_load((FOLDER / "templates.yaml").read_text(encoding="utf-8"))


def _patterns() -> dict[str, list[str]]:
    """Wordings as regular expressions, by what they are for."""
    found: dict[str, list[str]] = {"train": [], "held_out": []}
    tables = [*_templates()["one_hop"].values(), *_templates()["two_hop"], *_templates()["three_hop"]]
    for table in tables:
        for split in ("train", "validation", "evaluation"):
            for wording in table.get(split, []):
                pattern = "^" + re.sub(r"\\\{\w+\\\}", ".+", re.escape(wording)) + "$"
                found["train" if split == "train" else "held_out"].append(pattern)
    return found


def _strings(data) -> list[str]:
    if isinstance(data, dict):
        return [text for value in data.values() for text in _strings(value)]
    if isinstance(data, list):
        return [text for value in data for text in _strings(value)]
    return [data]


def test_the_judge_shares_no_wording_with_the_questions():
    """Neither holds a string of the other, slots and punctuation apart, so that the feedback is no mirror of the questions."""

    def plain(text: str) -> str:
        return " " + fold(re.sub(r"\{\w+\}", "slot", text)) + " "

    wordings = {plain(text) for text in _strings(_templates()) if " " in text and text not in _templates()["label_set"]}
    phrases = {plain(phrase) for predicate in Ontology.load(dataset.ONTOLOGY).predicates.values() for phrase in predicate.phrases}
    assert len(phrases) > 20
    assert [(p, w) for p in phrases for w in wordings if p in w or w in p] == []


def test_a_wrong_number_of_countries_is_refused_in_a_line():
    with pytest.raises(ConfigError, match="countries: 2 is not in 3"):
        dataset.samples(countries=2)


def test_the_command_writes_what_the_run_sends(tmp_path):
    result = CliRunner().invoke(dataset.main, [str(tmp_path), "--countries", "6"])
    assert result.exit_code == 0, result.output
    said = json.loads(result.output)
    lines = (tmp_path / "samples.jsonl").read_bytes().splitlines()
    assert len(lines) == said["samples_produced"] - said["dead_letters"]
    assert all(Sample.decode(line).sample_id for line in lines)
    assert [Fact.decode(line) for line in (tmp_path / "facts.jsonl").read_bytes().splitlines()] == facts()
    assert Ontology.load(tmp_path / "ontology.yaml").predicates


def test_the_command_refuses_a_wrong_number_without_a_traceback(tmp_path):
    result = CliRunner().invoke(dataset.main, [str(tmp_path), "--countries", "1"])
    assert result.exit_code == 2
    assert "countries: 1 is not in" in result.output
