"""What preference pairs promise."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from feedback_node.policies import RewardConfig, TernaryValues
from feedback_node.preferences import PreferenceConfig, PreferenceWindow
from feedback_node.reward import judge_output
from schemas.fact import Fact
from schemas.graph_reward import GraphReward, RewardStatus
from schemas.model_output import ModelOutput
from schemas.sample import Task
from schemas.triplet import Triplet
from streams.curriculum.task_detector import to_training_sample
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Ontology


def answer(text: str, reward: float | None, **other) -> GraphReward:
    fields = {
        "reward_id": f"{text}@1",
        "output_id": text,
        "prompt_id": "p1",
        "run_id": "run",
        "model_version": "run/1",
        "prompt": "Who composed Aida?",
        "completion": text,
        "reward": reward,
        "status": RewardStatus.OK,
        "policy": "strict",
        "total": 1,
        "verified": 1,
        "contradicted": 0,
        "unknown": 0,
        "graph_version": 1,
        "judged_at": 100.0,
        **other,
    }
    return GraphReward.model_validate(fields)


def add_all(window: PreferenceWindow, *answers: GraphReward) -> list:
    """The pairs made, where each answer is a batch of its own."""
    return [pair for one in answers if (pair := add_batch(window, one)) is not None]


def add_batch(window: PreferenceWindow, *answers: GraphReward):
    """The pair of the last answer's prompt, when all answers are in."""
    keys = [window.add(one) for one in answers]
    return window.pair(keys[-1]) if keys[-1] is not None else None


def test_prompts_without_an_answer_for_long_are_forgotten_so_that_memory_is_that_of_an_hour():
    window = PreferenceWindow(PreferenceConfig(max_age_s=60.0), clock=lambda: 1000.0)
    for number in range(100):
        window.add(answer(f"a{number}", 1.0, prompt_id=f"p{number}", judged_at=800.0 + number))
    assert len(window) == 61
    assert add_batch(window, answer("bad", 0.0, prompt_id="p99", judged_at=900.0)).rejected == "bad"


def test_the_best_and_the_worst_answer_make_a_sample():
    pair = add_batch(PreferenceWindow(), answer("so so", 0.6), answer("bad", 0.0), answer("good", 1.0), answer("fair", 0.4))
    assert (pair.prompt, pair.chosen, pair.rejected) == ("Who composed Aida?", "good", "bad")
    assert (pair.origin, pair.parent_id, pair.run_id, pair.task) == ("feedback", "p1", "run", Task.PREFERENCE)
    assert pair.is_ours


def test_a_pair_of_answers_in_a_conversation_keeps_all_turns_before_them():
    turns = [
        {"role": "user", "content": "Verdi?"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "Who composed Aida?"},
    ]
    tools = [{"type": "function", "function": {"name": "look_up"}}]
    pair = add_batch(
        PreferenceWindow(), *(answer(said, value, messages=turns, tools=tools) for said, value in (("bad", 0.0), ("good", 1.0)))
    )
    assert (pair.prompt, [turn.content for turn in pair.messages]) == (None, ["Verdi?", "Yes.", "Who composed Aida?"])
    assert (pair.chosen, pair.rejected, pair.tools) == ("good", "bad", tuple(tools))
    assert [turn.role for turn in to_training_sample(pair).prompt] == ["user", "assistant", "user"]
    mixed = (answer("bad", 0.0), answer("good", 1.0, messages=turns))
    assert add_batch(PreferenceWindow(), *mixed) is None, "answers to other turns are no pair"


def test_a_pair_tells_where_its_answers_came_from():
    pair = add_batch(PreferenceWindow(), answer("bad", 0.0, model_version="run/0"), answer("good", 0.75, graph_version=7))
    chosen, rejected = pair.provenance.chosen, pair.provenance.rejected
    assert (chosen.output_id, chosen.model_version, chosen.reward, chosen.graph_version) == ("good", "run/1", 0.75, 7)
    assert (rejected.output_id, rejected.model_version, rejected.reward, rejected.graph_version) == ("bad", "run/0", 0.0, 1)


def test_pairs_are_made_by_what_the_policy_gives_not_by_the_share_of_claims_that_is_true():
    """A safe claim beside the question has R 1, and is worth -1 to `ternary`; one that claims nothing has no R at all."""
    safe, right = answer("Verdi was a man.", 1.0, policy="ternary", value=-1.0), answer("Verdi.", 0.5, policy="ternary", value=1.0)
    pair = add_batch(PreferenceWindow(), safe, right)
    assert (pair.chosen, pair.rejected) == ("Verdi.", "Verdi was a man.")
    empty = answer("Well.", None, policy="ternary", value=-1.0, status=RewardStatus.NO_CLAIMS)
    pair = add_batch(PreferenceWindow(), empty, right)
    assert (pair.rejected, pair.provenance.rejected.reward) == ("Well.", 0.0)
    untold = answer("Well, well.", 1.0, policy="ternary", value=None)
    assert add_batch(PreferenceWindow(), right, untold) is None, "the policy can tell nothing of it"


def test_to_abstain_is_chosen_before_what_is_wrong_and_nothing_else_that_earns_little_is():
    wrong = answer("Bach.", 0.0, policy="ternary", value=-1.0)
    abstains = answer("I do not know.", None, policy="ternary", value=0.0, abstained=True, status=RewardStatus.NO_CLAIMS)
    assert add_batch(PreferenceWindow(), wrong, abstains).chosen == "I do not know."
    assert add_batch(PreferenceWindow(), wrong, answer("Somebody.", 0.0, policy="ternary", value=0.0)) is None


@pytest.mark.parametrize(
    ("question", "needless", "chosen"),
    [
        ("Who composed Aida?", -1.0, None),  # the graph knows: by default no better than to be wrong
        ("Who composed Aida?", -0.5, "I do not know."),  # by the policy's own order it is
        ("Who composed Aida?", None, "I do not know."),
        ("Who composed Zorvania?", -1.0, "I do not know."),  # the graph does not
    ],
)
def test_a_pair_puts_an_abstention_before_a_wrong_answer_only_where_the_policy_does(question, needless, chosen):
    graph = Hypergraph(Ontology.from_dict({"predicates": {"composed_by": {"functional": True, "verbs": ["compose"]}}}))
    for subject, composer in (("Aida", "Verdi"), ("Tell", "Rossini")):
        graph.put(Fact(subject=subject, predicate="composed_by", object=composer))
    config = RewardConfig(ternary=TernaryValues(needless=needless))
    wrong = Triplet(subject="Aida", predicate="composed_by", object="Rossini", rule="test")

    def judged(said: str, *claims: Triplet) -> GraphReward:
        output = ModelOutput(prompt_id="p", prompt=question, completion=said, model_version="r/7", run_id="r")
        return judge_output(output, claims, graph, config, now=100.0)

    pair = add_batch(PreferenceWindow(clock=lambda: 200.0), judged("Rossini composed Aida.", wrong), judged("I do not know."))
    assert (pair and pair.chosen) == chosen
    right = Triplet(subject="Aida", predicate="composed_by", object="Verdi", rule="test")
    best = add_batch(PreferenceWindow(clock=lambda: 200.0), judged("Verdi composed Aida.", right), judged("I do not know."))
    if question == "Who composed Aida?":
        assert (best.chosen, best.rejected) == ("Verdi composed Aida.", "I do not know."), "and never before a right one"


def test_a_pair_that_stands_on_the_log_is_not_made_again():
    answers = [answer("bad", 0.0), answer("good", 1.0)]
    pair = add_batch(PreferenceWindow(), *answers)
    restarted = PreferenceWindow()
    restarted.sent(pair.sample_id)
    assert add_batch(restarted, *answers) is None


def test_after_a_crash_the_same_answers_make_the_same_sample():
    answers = [answer("bad", 0.0), answer("good", 1.0)]
    assert add_all(PreferenceWindow(), *answers) == add_all(PreferenceWindow(), *answers)


@pytest.mark.parametrize("other", [{"run_id": "another"}, {"prompt_id": "p2"}, {"model_version": "run/2"}])
def test_another_run_prompt_or_model_version_is_another_sample(other):
    (one,) = add_all(PreferenceWindow(), answer("bad", 0.0), answer("good", 1.0))
    (two,) = add_all(PreferenceWindow(), answer("bad", 0.0, **other), answer("good", 1.0, **other))
    assert one.sample_id != two.sample_id


def test_one_pair_for_each_prompt_and_model_version():
    window = PreferenceWindow()
    assert len(add_all(window, answer("bad", 0.0), answer("good", 1.0), answer("worse", 0.1), answer("better", 0.9))) == 1
    assert len(add_all(window, answer("later", 1.0, model_version="run/2"))) == 1


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (answer("a", 0.4), answer("b", 0.8)),  # the margin is 0.5
        (answer("a", 0.0), answer("b", None)),  # no reward is no answer
        (answer("a", 0.0), answer("b", 1.0, prompt_id="p2")),
        (answer("a", 0.0), answer("b", 1.0, run_id="another")),
        (answer("same", 0.0, output_id="x"), answer("same ", 1.0, output_id="y")),
        (answer("a", 0.0), answer(" ", 1.0)),
        (answer("a", 0.0, exact=True), answer("b", 1.0, exact=False)),  # gold and graph disagree
        (answer("a", 0.0), answer("b", 1.0, phase="after")),  # held out
        (answer("a", 0.0, judged_at=0.0), answer("b", 1.0, judged_at=4000.0)),  # stale
        (answer("a", 0.0), answer("b", 1.0, prompt="Another wording?")),
    ],
)
def test_what_makes_no_pair(left, right):
    assert add_all(PreferenceWindow(), left, right) == []
    assert add_all(PreferenceWindow(), right, left) == []


def test_the_better_of_two_bad_answers_is_not_chosen():
    window = PreferenceWindow(PreferenceConfig(margin=0.2, min_chosen=0.5))
    assert add_all(window, answer("a", 0.0), answer("b", 0.4)) == []


def test_a_fresh_answer_is_not_lost_with_a_stale_one():
    window = PreferenceWindow(PreferenceConfig(max_age_s=10))
    assert add_all(window, answer("old", 0.0, judged_at=0.0), answer("new", 1.0), answer("bad", 0.1)) != []


def test_an_answer_judged_again_counts_once():
    window = PreferenceWindow(PreferenceConfig(max_answers=2))
    pairs = add_all(window, answer("bad", 0.0), answer("so so", 0.4), answer("so so", 0.4, reward_id="x@2"), answer("good", 0.9))
    assert [pair.rejected for pair in pairs] == ["so so"]


def test_memory_is_bounded():
    window = PreferenceWindow(PreferenceConfig(max_prompts=3, max_answers=2))
    for number in range(50):
        window.add(answer(f"bad {number}", 0.0, prompt_id=f"p{number}"))
        add_all(window, answer(f"good {number}", 1.0, prompt_id=f"p{number}"))
    assert len(window) == 3
    assert add_all(window, answer("bad 49", 0.0, prompt_id="p49"), answer("good 49", 1.0, prompt_id="p49")) == []  # sent, and remembered
    assert add_all(window, answer("new", 0.0, prompt_id="p0")) == []  # the good answer is forgotten
    assert len(add_all(window, answer("good 0", 1.0, prompt_id="p0"))) == 1  # and that a pair was sent


@pytest.mark.parametrize("wrong", [{"margin": 0}, {"margin": 2}, {"max_age_s": 0}, {"max_answers": 1}, {"margn": 0.5}])
def test_a_wrong_setting_is_refused(wrong):
    with pytest.raises(ValidationError):
        PreferenceConfig(**wrong)


def test_answers_judged_before_the_clock_was_set_back_do_not_make_those_since_stale():
    now, day = 1_800_000_000.0, 86_400.0
    window = PreferenceWindow(clock=lambda: now)
    made = add_all(
        window,
        answer("before", 0.0, judged_at=now + day),
        answer("bad", 0.0, judged_at=now - 10),
        answer("good", 1.0, judged_at=now),
    )
    assert [(pair.chosen, pair.rejected) for pair in made] == [("good", "bad")]
