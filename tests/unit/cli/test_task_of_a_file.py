"""`--task` holds for every row of a file: it is said in each sample, and a row that cannot be of that task is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.sample_reader import SampleReader, read_options
from schemas.errors import UserError
from schemas.sample import Sample, Task
from streams.curriculum.task_detector import detect_task, to_training_sample

LABELLED = '{"text": "a goal", "label": "sport"}\n'
ANSWERED = '{"prompt": "q?", "answer": "a", "label": "l"}\n'


def read(folder: Path, text: str, task: str | None, skip_bad: bool | None = False, name: str = "rows.jsonl") -> list[Sample]:
    path = folder / name
    path.write_text(text)
    return [read.sample for read in SampleReader(path, read_options(task, skip_bad=skip_bad)).read()]


@pytest.mark.parametrize(
    ("text", "task", "completion"),
    [
        (LABELLED, "generation", "a goal"),
        (LABELLED, "classification", "sport"),
        (ANSWERED, "qa", "a"),
        (ANSWERED, "classification", "l"),
        (ANSWERED, "generation", "q?"),
        ('{"prompt": "q?", "chosen": "a", "rejected": "b", "answer": "c"}\n', "qa", "c"),
    ],
)
def test_rows_are_trained_as_the_task_says_not_as_their_fields_do(tmp_path: Path, text: str, task: str, completion: str) -> None:
    (sample,) = read(tmp_path, text, task)
    made = to_training_sample(Sample.decode(sample.encode()))
    assert (made.task, made.completion) == (task, completion)


def test_prompts_for_reinforcement_are_made_of_answered_rows(tmp_path: Path) -> None:
    (sample,) = read(tmp_path, ANSWERED, "rlhf_grpo")
    assert to_training_sample(sample).objective == "prompt"


def test_every_row_of_a_csv_file_is_of_the_task(tmp_path: Path) -> None:
    found = read(tmp_path, "prompt,label\nq,a\nr,b\n", "generation", name="rows.csv")
    assert [sample.task for sample in found] == [Task.GENERATION, Task.GENERATION]


def test_without_a_task_fields_and_a_row_s_own_task_decide(tmp_path: Path) -> None:
    rows = LABELLED + '{"text": "a goal", "label": "sport", "task": "generation"}\n'
    assert [detect_task(sample) for sample in read(tmp_path, rows, None)] == [Task.CLASSIFICATION, Task.GENERATION]


@pytest.mark.parametrize(
    ("row", "task", "why"),
    [
        ('{"text": "a goal"}', "classification", "classification needs `label`"),
        ('{"prompt": "q"}', "qa", "qa needs `answer`"),
        ('{"prompt": "q", "chosen": "a"}', "preference", "preference needs `rejected`"),
        ('{"prompt": "q", "answer": "a", "task": "generation"}', "qa", "its `task` is generation, and --task says qa"),
    ],
)
def test_a_row_that_cannot_be_of_the_task_is_named_by_file_and_line(tmp_path: Path, row: str, task: str, why: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, '{"prompt": "p", "answer": "a", "label": "l", "chosen": "c", "rejected": "r"}\n' + row + "\n", task)
    assert str(caught.value) == f"{tmp_path / 'rows.jsonl'}:2: {why}; mend the line, or pass --skip-bad"


def test_such_rows_are_passed_over_where_bad_lines_are(tmp_path: Path) -> None:
    assert len(read(tmp_path, LABELLED + '{"text": "no label"}\n', "classification", skip_bad=True)) == 1


def test_a_command_without_the_flag_does_not_advise_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"mend the line$"):
        read(tmp_path, '{"text": "no label"}\n', "classification", skip_bad=None)


def test_a_row_is_one_sample_whether_its_task_is_said_or_found(tmp_path: Path) -> None:
    ids = {task: read(tmp_path, LABELLED, task)[0].sample_id for task in (None, "classification", "generation")}
    assert ids[None] == ids["classification"] != ids["generation"]


def test_a_producer_s_own_id_is_kept(tmp_path: Path) -> None:
    (sample,) = read(tmp_path, '{"sample_id": "mine", "text": "t", "label": "l"}\n', "generation")
    assert sample.sample_id == "mine"
