"""The report: what it says is what was measured, whatever came in is escaped, and it stands on its own."""

import dataclasses
import itertools
import math
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_run import judged, made_up_run

from reports import page as report
from reports.charts import smoothed, ticks
from reports.page import Answer, Lag, Loss, ReportData, Reward
from reports.plots import lag_plot, loss_plot, reward_plot
from schemas.fact import Fact
from schemas.triplet import Verdict

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """A page's tags, text and attributes; complains about tags that do not close in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def run_data() -> ReportData:
    return made_up_run()


@pytest.fixture(scope="module")
def html(run_data) -> str:
    return report.render(run_data)


def test_the_page_is_written_whole_and_its_tags_close(tmp_path, run_data, html):
    path = report.write_report(tmp_path / "new" / "report.html", run_data)
    assert path.read_text(encoding="utf-8") == html
    page = Page(html)
    assert page.tags[0][0] == "html"
    assert len(html) < 1_000_000


def test_the_page_loads_nothing(html):
    for tag, attributes in Page(html).tags:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "base"}
        assert not {"src", "href", "xlink:href", "srcset", "data", "action"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
    assert "url(" not in html
    assert "@import" not in html


def test_every_drawing_is_well_formed_and_has_no_number_that_is_none(html):
    drawings = re.findall(r"<svg class=\"(?:wide|narrow)\".*?</svg>", html, re.DOTALL)
    assert len(drawings) == 8
    for drawing in drawings:
        root = ET.fromstring(drawing)
        assert root.get("aria-label")
        _, _, width, height = map(float, root.get("viewBox").split())
        for circle in root.iter("circle"):
            assert 0 <= float(circle.get("cx")) <= width
            assert 0 <= float(circle.get("cy")) <= height
        assert not re.search(r"\b(nan|inf|None)\b", drawing)


def test_the_page_follows_the_theme_and_the_width(html):
    assert "@media (prefers-color-scheme: dark)" in html
    assert 'name="viewport"' in html
    used = set(re.findall(r"var\((--[\w-]+)\)", html))
    light, dark = (set(re.findall(r"(--[\w-]+):", part)) for part in html.split("prefers-color-scheme: dark")[:2])
    assert used <= light
    assert light <= dark, "every colour has one for the dark"


EVIL = "<script>alert('x')</script><b onclick=\"y\">&amp;\u0000\u202e"


def _evil_run() -> ReportData:
    claims = [(EVIL, EVIL, "<script>", Verdict.CONTRADICTED, (EVIL, "f-1"), EVIL)]
    answer = judged("p", EVIL, EVIL, claims, (EVIL,))
    return ReportData(
        summary={EVIL: (0.1, 0.2)},
        losses=[Loss(1, 1, EVIL, 0, 0.5, 1.0, 0.0)],
        rewards=[Reward(0.0, EVIL, 1.0)],
        lag=[Lag(0.0, {EVIL: 3}), Lag(5.0, {EVIL: 0})],
        answers=[Answer(EVIL, (EVIL,), answer, answer)],
        account={"samples_produced": 1, "trained": 1, EVIL: 2},
        timings={EVIL: 3.0},
        environment={EVIL: {EVIL: [EVIL]}},
        facts={"f-1": Fact(fact_id="f-1", subject=EVIL, predicate=EVIL, object=EVIL)},
        title=EVIL,
    )


def test_what_comes_from_a_model_or_a_producer_is_escaped_everywhere():
    text = report.render(_evil_run())
    page = Page(text)
    assert not [tag for tag, attributes in page.tags if tag == "script" or "onclick" in attributes]
    assert "<script" not in text
    assert "<b onclick" not in text
    assert text.count("&lt;script&gt;alert") > 12, "shown, not dropped"


def test_an_empty_run_says_so_in_every_part():
    page = Page(report.render(ReportData()))
    for words in (
        "This run has no measures",
        "Nothing was measured before and after.",
        "Nothing was counted.",
        "Not recorded.",
        "No answers were judged.",
    ):
        assert words in page.text
    assert page.text.count("Nothing was recorded.") == 4


def test_plain_tuples_do_as_well(run_data, html):
    plain = dataclasses.replace(
        run_data,
        losses=[tuple(row) for row in run_data.losses],
        rewards=[tuple(row) for row in run_data.rewards],
        lag=[tuple(row) for row in run_data.lag],
        answers=[tuple(row) for row in run_data.answers],
    )
    assert report.render(plain) == html


def test_the_account_is_shown_as_an_exact_sum(run_data, html):
    account = report.account_of(run_data.account)
    assert account.exact
    assert account.produced == account.total == 327
    assert "221 + 8 + 82 + 6 + 10 = 327 ✓" in Page(html).text
    assert [(row.name, row.records) for row in account.beside] == [("Variants", 23)]


@pytest.mark.parametrize(("produced", "words"), [(328, "✗ but 328 were produced: 1 missing"), (323, "✗ but 323 were produced: 4 too many")])
def test_an_account_that_does_not_close_is_called_so(run_data, produced, words):
    text = Page(report.render(dataclasses.replace(run_data, account={**run_data.account, "samples_produced": produced}))).text
    assert words in text
    assert "accounted for" not in text


def _said(completion, *verdicts, gold=("Paris",)):
    return judged("p", "?", completion, [("France", "capital", "Paris", verdict, (), None) for verdict in verdicts], gold)


def test_measures_are_shares_and_no_reward_is_not_a_zero():
    good, bad, silent = _said("Paris", Verdict.VERIFIED), _said("Rome", Verdict.CONTRADICTED, Verdict.UNKNOWN), _said("Hm")
    found = report.summarise([good, bad, silent], [good])
    assert found["reward"] == (0.5, 1.0)
    assert found["coverage"] == (pytest.approx(2 / 3), 1.0)
    assert found["exact_accuracy"] == (pytest.approx(1 / 3), 1.0)
    assert report.summarise([silent], []) == {
        "exact_accuracy": (0.0, None),
        "reward": (None, None),
        "hallucination_rate": (None, None),
        "contradicted_share": (None, None),
        "coverage": (0.0, None),
        "abstained": (0.0, None),
        "unread": (1.0, None),
    }


def test_who_says_that_he_does_not_know_is_told_from_what_the_judge_did_not_hear():
    silent, good = _said("Hm"), _said("Paris", Verdict.VERIFIED)
    modest = silent.model_copy(update={"abstained": True})
    found = report.summarise([silent, modest, good, good], [modest])
    assert (found["abstained"], found["unread"]) == ((0.25, 1.0), (0.25, 0.0))


def test_hallucination_is_shown_over_all_claims_and_over_those_that_can_be_judged():
    good, bad = _said("Paris", Verdict.VERIFIED), _said("Rome", Verdict.CONTRADICTED, *[Verdict.UNKNOWN] * 9)
    chatter = _said("It is old.", Verdict.UNKNOWN, Verdict.UNKNOWN)
    found = report.summarise([good, bad, chatter], [chatter])
    assert found["hallucination_rate"] == (pytest.approx(1 / 13), 0.0)
    assert found["contradicted_share"] == (0.5, None)
    assert found["coverage"] == (1.0, 1.0)


def test_the_verdict_says_which_way_it_went():
    def said(**summary):
        return report.verdict(ReportData(summary=summary)).replace("\u202f", " ")

    assert said(exact_accuracy=(0.467, 0.939), hallucination_rate=(0.4, 0.05)) == (
        "Exact answers rose from 46.7 % to 93.9 % and contradicted claims fell from 40.0 % to 5.0 %."
    )
    assert said(exact_accuracy=(0.5, 0.4)) == "Exact answers fell from 50.0 % to 40.0 %."
    assert said(exact_accuracy=(0.5, 0.5)) == "Exact answers stayed at 50.0 %."
    assert said(reward=(None, 0.4)) == "This run has no measures from before and after."


def test_a_change_for_the_worse_is_marked_as_such():
    rows = {row.name: row for row in report.measure_rows({"hallucination_rate": (0.1, 0.2), "reward": (0.1, 0.2), "val_loss": (2.0, 1.5)})}
    assert (rows["Hallucination rate"].better, rows["Hallucination rate"].change) == (False, "+10.0 points")
    assert rows["Reward"].better is True
    loss = rows["Held-out loss"]
    assert (loss.before, loss.change, loss.better) == ("2", "\u22120.5", True)
    assert report.measure_rows({"reward": (None, 0.2)})[0].change == "–"


def test_a_dozen_answers_holds_the_lost_and_the_wrong_too(run_data):
    found = report.choose(run_data.answers, run_data.facts)
    outcomes = [answer.outcome for answer in found]
    assert len(found) == 12
    assert {"gained", "lost", "wrong", "kept"} <= set(outcomes)
    assert "1 from right to wrong" in report.movement(run_data.answers)
    assert len({answer.prompt for answer in found}) == 12


def test_an_answer_never_asked_is_shown_as_such():
    text = Page(report.render(ReportData(answers=[Answer("Who?", ("me",), None, _said("Paris", Verdict.VERIFIED))]))).text
    assert "Not asked." in text
    assert "1 of 1 answers" in text


def test_words_of_a_claim_are_marked_with_its_verdict_and_its_facts_are_told():
    fact = Fact(fact_id="fr-capital-paris", subject="France", predicate="capital", object="Paris", source="an atlas")
    claims = [("France", "capital", "Rome", Verdict.CONTRADICTED, ("fr-capital-paris",), "France has capital Paris")]
    wrong = judged("p", "?", "The capital is Rome, they say.", claims, ("Paris",))
    html = report.render(ReportData(answers=[Answer("?", ("Paris",), wrong, None)], facts={fact.fact_id: fact}))
    assert 'The capital is <em class="contradicted" title="contradicted">Rome</em>, they say.' in html
    assert "<div>France has capital Paris</div><div>fact fr-capital-paris (an atlas)</div>" in html


def test_a_rambling_answer_lists_eight_claims_and_says_how_many_more():
    html = report.render(ReportData(answers=[Answer("?", (), _said("Paris", *[Verdict.UNKNOWN] * 11), None)]))
    assert html.count('<b class="unknown"') == 8
    assert "and 3 more" in html


@pytest.mark.parametrize("span", [(-3, 2), (2, 2), (5, 500), (8, 4)])
def test_a_span_outside_the_text_marks_nothing_and_loses_no_words(span):
    answer = _said("Paris it is.", Verdict.VERIFIED)
    judgement = answer.triplets[0]
    moved = judgement.model_copy(update={"triplet": judgement.triplet.model_copy(update={"object_span": span})})
    side = report.shown("?", (), None, answer.model_copy(update={"triplets": (moved,)}), {}).sides[1][1]
    assert "".join(piece.text for piece in side.pieces) == "Paris it is."
    assert not any(piece.verdict for piece in side.pieces)


@given(
    st.text(min_size=8, max_size=24), st.lists(st.tuples(st.integers(-2, 26), st.integers(-2, 26), st.sampled_from(Verdict)), max_size=6)
)
def test_whatever_the_spans_the_text_comes_out_as_it_was(text, spans):
    claims = [("a", "b", "c", verdict, (), None) for *_, verdict in spans]
    answer = judged("p", "?", text, claims)
    moved = [
        old.model_copy(update={"triplet": old.triplet.model_copy(update={"object_span": (start, end)})})
        for old, (start, end, _) in zip(answer.triplets, spans, strict=True)
    ]
    side = report.shown("?", (), answer.model_copy(update={"triplets": tuple(moved)}), None, {}).sides[0][1]
    assert "".join(piece.text for piece in side.pieces) == text


def test_a_long_answer_is_cut_and_said_to_be():
    side = report.shown("?", (), _said("word " * 400, Verdict.VERIFIED), None, {}).sides[0][1]
    assert side.cut
    assert sum(len(piece.text) for piece in side.pieces) == 700


def test_rewards_of_none_are_counted_and_not_drawn():
    plot = reward_plot([Reward(0.0, "before", 1.0), Reward(1.0, "before", None), Reward(2.0, "after", 0.0)])
    assert "left out: 1" in plot.note
    assert [point.y for point in plot.series[0].points] == [1.0]


def test_a_loss_that_is_not_a_number_is_not_drawn():
    rows = [Loss(1, 1, "a", 0, 0.1, 2.0, 0.0), Loss(2, 1, "b", 0, 0.1, math.nan, 1.0), Loss(3, 1, "c", 0, 0.1, math.inf, 2.0)]
    html = report.render(ReportData(losses=rows))
    assert "a: 2.000 at step 1" in html
    assert "at step 2" not in html
    assert "nan" not in re.sub(r"<style>.*</style>", "", html, flags=re.DOTALL)


def test_thousands_of_losses_stay_a_small_page():
    rows = [Loss(n, 1, f"s{n}", n % 5, 0.5, 1.0, float(n)) for n in range(8_000)]
    assert len(report.render(ReportData(losses=rows))) < 1_000_000
    assert len(loss_plot(rows).drawn(540, 300).shapes[0].dots) <= 1500


def test_lines_of_lag_that_never_rose_are_named_beneath():
    rows = [Lag(float(t), {f"pelton.topic-{n}": max(0, n - t) for n in range(12)}) for t in range(400)]
    plot = lag_plot(rows)
    assert len(plot.series) == 8
    assert plot.x.label == "time, minutes"
    assert plot.series[0].name == "topic-11", "what all names begin with is left out"
    assert "topic-0" in plot.note
    assert "at most 3" in plot.note


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.integers(2, 8))
def test_ticks_are_few_even_and_cover_the_range(low, width, number):
    marks = ticks(low, low + width, number)
    high = max(low + width, low)
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert marks[0] <= low + slack
    assert marks[-1] >= high - slack
    assert 2 <= len(marks) <= 2 * number + 3
    steps = [b - a for a, b in itertools.pairwise(marks)]
    assert max(steps) - min(steps) <= slack


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=40), st.integers(1, 15))
def test_smoothing_keeps_the_length_and_the_range(values, window):
    found = smoothed(values, window)
    assert len(found) == len(values)
    assert min(values) - 1e-9 <= min(found)
    assert max(found) <= max(values) + 1e-9


def test_a_mean_over_one_value_is_the_value():
    assert smoothed([1.0, 5.0, 2.0], 1) == [1.0, 5.0, 2.0]
    assert smoothed([0.0, 3.0, 6.0], 3) == [1.5, 3.0, 4.5]
