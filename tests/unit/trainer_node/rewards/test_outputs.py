"""What the feedback node is told of an answer: the question in it, and all turns where there are more."""

from schemas.sample import Sample
from streams.curriculum.task_detector import to_training_sample
from trainer_node.rewards.outputs import model_outputs

TOOL = {"type": "function", "function": {"name": "f"}}
TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Who wrote it?"},
    {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]},
    {"role": "tool", "content": "42"},
]


def test_the_question_is_the_user_s_last_turn_and_the_turns_go_with_it():
    prompts = [
        to_training_sample(Sample(**said))
        for said in ({"prompt": "q?", "gold": ["a"]}, {"messages": TURNS, "gold": ["a"], "tools": [TOOL]})
    ]
    single, several = model_outputs(prompts, ["a", "b"], "r", 3, "train")
    assert (single.prompt, single.messages, single.tools) == ("q?", None, None)
    assert (several.prompt, several.tools) == ("Who wrote it?", (TOOL,))
    assert [turn.role for turn in several.messages] == ["system", "user", "assistant", "tool"]
    assert (several.prompt_id, several.model_version, several.gold) == (prompts[1].sample_id, "r/3", ("a",))
