"""What a reward promises, and what becomes of each way to game it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from feedback_node.policies import RewardConfig, RewardPolicy, TernaryValues
from feedback_node.question import read_question
from feedback_node.reward import holds_gold, judge_output
from schemas.fact import Fact
from schemas.graph_reward import GraphReward, RewardStatus
from schemas.model_output import ModelOutput
from schemas.triplet import Triplet
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Ontology

ONTOLOGY = Ontology.from_dict(
    {
        "predicates": {
            "composed_by": {"functional": True, "nouns": ["composer"], "verbs": ["compose"], "inverse": "composer_of"},
            "librettist": {"functional": True, "nouns": ["librettist"]},
            "sung_in": {"nouns": ["language"]},
        }
    }
)
STRICT, OPEN_WORLD, COVERAGE, TERNARY, BINARY = RewardPolicy
QUESTION = "Who composed Aida?"
RIGHT = ("Aida", "composed_by", "Verdi")
WRONG = ("Aida", "composed_by", "Rossini")
BESIDE = ("Carmen", "composed_by", "Bizet")
BEYOND = ("Aida", "is loved in", "Cairo")


@pytest.fixture(scope="module")
def graph() -> Hypergraph:
    graph = Hypergraph(ONTOLOGY)
    rows = [
        ("Aida", "composed_by", "Giuseppe Verdi"),
        ("Giuseppe Verdi", "alias", "Verdi"),
        ("Carmen", "composed_by", "Bizet"),
        ("Tell", "composed_by", "Rossini"),
        ("Aida", "librettist", "Ghislanzoni"),
        ("Aida", "sung_in", "Italian"),
    ]
    for offset, (subject, predicate, target) in enumerate(rows):
        graph.put(Fact(subject=subject, predicate=predicate, object=target), offset)
    return graph


def reward(graph, *claims, policy=STRICT, question=QUESTION, completion="...", gold=None, no_claims=None, **marks) -> GraphReward:
    output = ModelOutput(
        prompt_id="p", prompt=question, completion=completion, model_version="r/7", run_id="r", gold=gold, created_at=100.0
    )
    triplets = [Triplet(subject=s, predicate=p, object=o, rule="test", **marks) for s, p, o in claims]
    return judge_output(output, triplets, graph, RewardConfig(policy=policy, no_claims=no_claims), now=100.25)


# --- what it says


@pytest.mark.parametrize(
    ("claims", "policy", "wanted"),
    [
        ([RIGHT], STRICT, 1.0),
        ([WRONG], STRICT, 0.0),
        ([RIGHT, WRONG], STRICT, 0.5),
        ([RIGHT, WRONG, BEYOND, BESIDE], STRICT, 0.5),
        ([RIGHT, WRONG, BEYOND, BESIDE], OPEN_WORLD, 2 / 3),
        ([RIGHT, BEYOND], OPEN_WORLD, 1.0),
        ([RIGHT, BESIDE, BEYOND], COVERAGE, 2 / 3),
        ([BESIDE], COVERAGE, 0.0),
    ],
)
def test_the_reward_is_verified_over_total_by_the_policy(graph, claims, policy, wanted):
    judged = reward(graph, *claims, policy=policy)
    assert judged.reward == pytest.approx(wanted)
    assert (judged.status, judged.policy) == (RewardStatus.OK, policy.value)


def test_a_reward_carries_all_that_explains_it(graph):
    judged = reward(graph, RIGHT, WRONG, BEYOND, completion="Giuseppe Verdi did.", gold=("Verdi",))
    assert (judged.total, judged.verified, judged.contradicted, judged.unknown) == (3, 1, 1, 1)
    assert [one.verdict.value for one in judged.triplets] == ["verified", "contradicted", "unknown"]
    assert all(one.note for one in judged.triplets)
    assert judged.graph_version == 6
    assert judged.reward_id == f"{judged.output_id}@6"
    assert (judged.prompt, judged.run_id, judged.model_version, judged.exact) == (QUESTION, "r", "r/7", True)
    assert (judged.judged_at, judged.latency_ms) == (100.25, pytest.approx(250))


def test_a_reward_carries_what_the_output_said_of_itself(graph):
    output = ModelOutput(prompt_id="p", prompt=QUESTION, completion="Verdi.", model_version="r/7", phase="eval", gold=("Verdi",))
    judged = judge_output(output, [], graph)
    for name in ("output_id", "prompt_id", "run_id", "phase", "model_version", "prompt", "completion", "gold"):
        assert getattr(judged, name) == getattr(output, name)


@pytest.mark.parametrize(("created_at", "latency"), [(100.0, 250.0), (100.25, 0.0), (101.0, 0.0), (None, None)])
def test_how_long_an_output_waited_is_never_less_than_nothing(graph, created_at, latency):
    """Clocks of two machines differ."""
    output = ModelOutput(prompt_id="p", prompt="", completion="", model_version="r/7", created_at=created_at)
    assert judge_output(output, [], graph, now=100.25).latency_ms == latency


def test_without_settings_the_policy_is_ternary_and_no_claims_have_no_share(graph):
    config = RewardConfig()
    assert (config.policy, config.no_claims) == (TERNARY, None)
    output = ModelOutput(prompt_id="p", prompt="", completion="", model_version="r/7")
    assert judge_output(output, [], graph).policy == "ternary"


def test_settings_do_not_change_while_they_are_in_use():
    with pytest.raises(ValidationError, match="frozen"):
        RewardConfig().policy = OPEN_WORLD  # type: ignore[misc]


@pytest.mark.parametrize("field", RewardConfig.model_fields)
def test_each_setting_says_what_it_does(field):
    assert RewardConfig.model_fields[field].description


def test_the_same_output_judged_twice_is_the_same_reward(graph):
    assert reward(graph, RIGHT, WRONG) == reward(graph, RIGHT, WRONG)


def test_open_world_has_no_reward_where_the_graph_knows_nothing_of_what_is_claimed(graph):
    judged = reward(graph, BEYOND, policy=OPEN_WORLD)
    assert (judged.reward, judged.status, judged.unknown) == (None, RewardStatus.NO_ANSWERABLE, 1)


@pytest.mark.parametrize(("policy", "value"), [(STRICT, None), (OPEN_WORLD, None), (COVERAGE, None), (STRICT, 0.0), (COVERAGE, 0.25)])
def test_without_claims_there_is_no_reward_or_the_configured_one(graph, policy, value):
    judged = reward(graph, policy=policy, no_claims=value)
    assert (judged.reward, judged.status, judged.total) == (value, RewardStatus.NO_CLAIMS, 0)


@pytest.mark.parametrize("wrong", [{"policy": "kind"}, {"no_claims": 1.1}, {"no_claims": -0.1}, {"policy": None}, {"polcy": "strict"}])
def test_a_wrong_setting_is_refused(wrong):
    with pytest.raises(ValidationError):
        RewardConfig(**wrong)


# --- what games it


@pytest.mark.parametrize("policy", list(RewardPolicy))
def test_gaming_by_repeating_one_safe_claim_gains_nothing(graph, policy):
    again = [("Verdi", "is the composer of", "Aida"), ("Aida", "was composed by", "Giuseppe Verdi"), ("aida", "composed_by", "VERDI")]
    once, often = reward(graph, RIGHT, WRONG, policy=policy), reward(graph, RIGHT, *again, WRONG, policy=policy)
    assert often.reward == once.reward
    assert (often.total, often.verified) == (2, 1)
    assert len(often.triplets) == 5
    assert sum("said before" in (one.note or "") for one in often.triplets) == 3


@pytest.mark.parametrize("policy", list(RewardPolicy))
def test_gaming_by_repeating_an_error_costs_no_more_than_once(graph, policy):
    assert reward(graph, RIGHT, WRONG, WRONG, policy=policy).reward == reward(graph, RIGHT, WRONG, policy=policy).reward


@pytest.mark.parametrize("policy", list(RewardPolicy))
def test_gaming_by_hedging_everything_has_no_reward(graph, policy):
    judged = reward(graph, RIGHT, BESIDE, policy=policy, hedged=True)
    assert (judged.reward, judged.status, judged.total) == (None, RewardStatus.NO_CLAIMS, 0)
    assert len(judged.triplets) == 2


@pytest.mark.parametrize("policy", list(RewardPolicy))
def test_gaming_by_denying_what_is_so_earns_nothing(graph, policy):
    judged = reward(graph, RIGHT, BESIDE, policy=policy, negated=True)
    assert (judged.reward, judged.contradicted, judged.answers_question) == (0.0, 2, True)


def test_to_deny_what_is_not_so_is_right_and_no_answer(graph):
    judged = reward(graph, WRONG, negated=True)
    assert (judged.reward, judged.verified, judged.answers_question) == (1.0, 1, False)
    assert reward(graph, WRONG, negated=True, policy=COVERAGE).reward == 0.0
    assert reward(graph, RIGHT, WRONG, negated=False).reward == 0.5


@pytest.mark.parametrize("policy", list(RewardPolicy))
def test_a_denial_that_the_graph_cannot_tell_of_counts_nowhere(graph, policy):
    judged = reward(graph, BEYOND, policy=policy, negated=True)
    assert (judged.reward, judged.status, judged.total) == (None, RewardStatus.NO_CLAIMS, 0)


@pytest.mark.parametrize(
    "echo", [("Aida", "composed_by", "Aida"), ("Aida", "composed_by", "who composed Aida"), ("Who", "composed", "Aida")]
)
@pytest.mark.parametrize("policy", list(RewardPolicy))
def test_gaming_by_echoing_the_question_earns_nothing(graph, policy, echo):
    judged = reward(graph, echo, policy=policy)
    assert not judged.reward
    assert judged.answers_question is False


def test_gaming_strict_and_open_world_by_a_safe_claim_beside_the_question_works_and_is_seen(graph):
    """Their documented weakness; the reward says so, and `coverage` closes it."""
    for policy in (STRICT, OPEN_WORLD):
        judged = reward(graph, BESIDE, policy=policy)
        assert (judged.reward, judged.answers_question) == (1.0, False)
    assert reward(graph, BESIDE, policy=COVERAGE).reward == 0.0


def test_gaming_open_world_by_what_cannot_be_checked_works_and_strict_closes_it(graph):
    assert reward(graph, RIGHT, BEYOND, policy=OPEN_WORLD).reward == 1.0
    assert reward(graph, RIGHT, BEYOND, policy=STRICT).reward == 0.5


def test_gaming_coverage_by_a_wrong_answer_among_safe_claims_earns_nothing(graph):
    safe = [BESIDE, ("Aida", "librettist", "Ghislanzoni"), ("Tell", "composed_by", "Rossini")]
    assert reward(graph, WRONG, *safe, policy=STRICT).reward == 0.75
    assert reward(graph, WRONG, *safe, policy=COVERAGE).reward == 0.0


def test_coverage_is_the_share_of_what_was_asked(graph):
    question = "Who is the composer of Aida, and who its librettist?"
    both = [RIGHT, ("Aida", "librettist", "Ghislanzoni")]
    assert reward(graph, *both, policy=COVERAGE, question=question).reward == 1.0
    assert reward(graph, RIGHT, policy=COVERAGE, question=question).reward == 0.5
    assert reward(graph, RIGHT, policy=COVERAGE, question="Who composed Aida and Carmen?").reward == 0.5


# --- what was asked


@pytest.mark.parametrize(
    ("question", "claims", "answered"),
    [
        (QUESTION, [RIGHT], True),
        (QUESTION, [WRONG], True),
        (QUESTION, [BESIDE], False),
        (QUESTION, [("Aida", "sung_in", "Italian")], False),
        (QUESTION, [], False),
        ("Which opera is by the composer Verdi?", [RIGHT], True),
        ("Tell me about Aida.", [("Aida", "sung_in", "Italian")], True),
        ("Tell me about Aida.", [BESIDE], False),
        ("Who composed Fidelio?", [RIGHT], None),
        ("", [RIGHT], None),
    ],
)
def test_whether_the_question_is_answered(graph, question, claims, answered):
    assert reward(graph, *claims, question=question).answers_question is answered


def test_a_question_is_read_for_entities_and_predicates(graph):
    parts = read_question("Which composer wrote Aida, and in what language is it?", graph).parts
    assert {(part.predicate, part.entity) for part in parts} == {("composed_by", "aida"), ("sung_in", "aida")}


@pytest.mark.parametrize(
    ("completion", "gold", "exact"),
    [
        ("It was by the Café Müller.", ("cafe muller",), True),
        ("Verdian operas", ("Verdi",), False),
        ("Giuseppe VERDI's Aida", ("Rossini", "Verdi"), True),
        ("", ("Verdi",), False),
        ("Made by The Beatles.", ("beatles",), True),
        ("Made by Beatles.", ("The Beatles",), True),
        ("anything", None, None),
        ("anything", (), None),
        ("anything", ("?",), None),
    ],
)
def test_exact_means_a_gold_string_stands_there_as_whole_words(completion, gold, exact):
    assert holds_gold(completion, gold) is exact


# --- policies with a value of their own

TWO_PARTS = "Who composed Aida, and who was its librettist?"
LIBRETTIST = ("Aida", "librettist", "Ghislanzoni")
DONT_KNOW = "I do not know who composed Aida."


@pytest.mark.parametrize(
    ("claims", "question", "completion", "ternary", "binary", "share"),
    [
        ([RIGHT], QUESTION, "...", 1.0, 1.0, 1.0),
        ([RIGHT, BESIDE], QUESTION, "...", 1.0, 1.0, 1.0),
        ([RIGHT, BEYOND], QUESTION, "...", 0.5, 1.0, 0.5),
        ([RIGHT, BEYOND, BESIDE], QUESTION, "...", 0.5, 1.0, 2 / 3),
        ([WRONG], QUESTION, "...", -1.0, 0.0, 0.0),
        ([RIGHT, WRONG], QUESTION, "...", -1.0, 0.0, 0.5),
        ([], QUESTION, DONT_KNOW, -1.0, 1.0, None),
        ([], "Who composed Zorvania?", "I do not know.", 0.0, 1.0, None),
        ([], QUESTION, "Music is a wonderful thing.", -1.0, 1.0, None),
        ([BESIDE], QUESTION, "...", -1.0, 1.0, 1.0),
        ([("Aida", "sung_in", "Italian")], QUESTION, "...", -1.0, 1.0, 1.0),
        ([("Aida", "sung_in", "French")], "In which language is Aida sung?", "...", -0.5, 1.0, 0.0),
        ([RIGHT], TWO_PARTS, "...", 0.5, 1.0, 1.0),
        ([RIGHT, LIBRETTIST], TWO_PARTS, "...", 1.0, 1.0, 1.0),
        ([BEYOND], "What is love?", "...", -0.5, 1.0, 0.0),
        ([], "What is love?", "A wonderful thing.", None, 1.0, None),
    ],
    ids=[
        "right", "right-and-beside", "right-and-beyond", "right-and-beyond-and-beside", "wrong", "right-and-wrong",
        "abstained-needlessly", "abstained", "nothing-said", "safe-beside", "true-of-the-same-entity", "unknown-to-the-graph",
        "half", "both-parts", "question-unknown", "question-unknown-and-nothing-read",
    ],
)  # fmt: skip
def test_ternary_and_binary_give_a_value_beside_the_share(graph, claims, question, completion, ternary, binary, share):
    for policy, wanted in ((TERNARY, ternary), (BINARY, binary)):
        judged = reward(graph, *claims, policy=policy, question=question, completion=completion)
        assert judged.value == wanted, policy
        assert judged.learnt_from == wanted
        assert judged.reward == share
    assert reward(graph, *claims, question=question, completion=completion).value is None


def test_an_answer_is_never_better_off_by_saying_nothing_of_what_was_asked_than_by_saying_that_it_does_not_know(graph):
    for values in (
        TernaryValues(),
        TernaryValues(needless=-0.5),
        TernaryValues(right=2, abstained=0.5, needless=None, unsupported=0.1, wrong=0),
    ):
        given = {}
        for name, claims, completion in (
            ("right", [RIGHT], "..."),
            ("abstained", [], DONT_KNOW),
            ("dodged", [BESIDE], "..."),
            ("wrong", [WRONG], "..."),
        ):
            output = ModelOutput(prompt_id="p", prompt=QUESTION, completion=completion, model_version="r/7")
            triplets = [Triplet(subject=s, predicate=p, object=o, rule="test") for s, p, o in claims]
            given[name] = judge_output(output, triplets, graph, RewardConfig(policy=TERNARY, ternary=values)).value
        assert given["right"] > given["abstained"] >= given["dodged"] == given["wrong"]


def test_what_the_graph_can_tell_nothing_of_can_be_left_out_of_what_is_learnt(graph):
    output = ModelOutput(prompt_id="p", prompt="In which language is Aida sung?", completion="...", model_version="r/7")
    claims = [Triplet(subject="Aida", predicate="sung_in", object="French", rule="test")]
    for unsupported in (None, -0.2):
        config = RewardConfig(policy=TERNARY, ternary=TernaryValues(unsupported=unsupported))
        assert judge_output(output, claims, graph, config).value == unsupported


@pytest.mark.parametrize(
    ("question", "completion", "needless"),
    [
        (QUESTION, DONT_KNOW, True),
        ("By which composer is Aida?", "I am not sure.", True),
        ("Who composed Zorvania?", "I do not know.", False),
        ("In which year was Zorvania first sung?", "I am not sure.", False),
        ("In which town was Aida first sung?", "I do not know.", False),
    ],
)
def test_to_abstain_is_needless_only_where_the_graph_knows_what_was_asked(graph, question, completion, needless):
    output = ModelOutput(prompt_id="p", prompt=question, completion=completion, model_version="r/7")
    for values, wanted in (
        (TernaryValues(), -1.0 if needless else 0.0),
        (TernaryValues(needless=-0.75), -0.75 if needless else 0.0),
        (TernaryValues(needless=None), 0.0),
    ):
        judged = judge_output(output, [], graph, RewardConfig(policy=TERNARY, ternary=values))
        assert (judged.abstained, judged.value) == (True, wanted)


def test_the_values_of_ternary_fall(graph):
    for wrong in (
        {"abstained": 1.0},
        {"wrong": 0.0},
        {"unsupported": 0.5},
        {"unsupported": -2},
        {"needless": 0.5},
        {"needless": -2},
        {"right": -2.0},
        {"right": 11.0},
        {"right": float("nan")},
    ):
        with pytest.raises(ValidationError):
            TernaryValues(**wrong)


def test_what_is_learnt_is_the_policys_own_value_and_elsewhere_the_share():
    said = {"reward_id": "r", "output_id": "o", "prompt_id": "p", "model_version": "m", "status": "ok"}
    counts = {"total": 1, "verified": 1, "contradicted": 0, "unknown": 0, "graph_version": 1}
    assert GraphReward(**said, **counts, policy="strict", reward=0.5).learnt_from == 0.5
    assert GraphReward(**said, **counts, policy="ternary", reward=1.0).learnt_from is None, "the policy gave nothing"
    assert GraphReward(**said, **counts, policy="a judge of our own", reward=0.5, value=7).learnt_from == 7
    for value in (11, float("nan"), float("inf")):
        with pytest.raises(ValidationError):
            GraphReward(**said, **counts, policy="ternary", value=value)
