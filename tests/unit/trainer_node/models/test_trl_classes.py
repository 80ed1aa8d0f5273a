"""Our trainers derive from TRL's classes, whatever importing Unsloth puts in their places, and whichever is imported first."""

from __future__ import annotations

import subprocess
import sys

import pytest

REPLACED = """
import sys
from trainer_node.models.trl_classes import own_classes_kept

class Other:
    '''Stands for a class that Unsloth generates; it puts them into each of these modules.'''

with own_classes_kept():
    import trl, trl.trainer, trl.trainer.{kind}_trainer, trl.trainer.{kind}_config, trl.experimental.ppo.ppo_trainer
    for name in ('trl', 'trl.trainer', 'trl.trainer.{kind}_trainer', 'trl.trainer.{kind}_config'):
        setattr(sys.modules[name], '{name}Trainer', Other)
        setattr(sys.modules[name], '{name}Config', Other)
    trl.experimental.ppo.PPOTrainer = trl.experimental.ppo.ppo_trainer.PPOTrainer = Other
from trl import {name}Config, {name}Trainer
from trl.experimental.ppo import PPOTrainer
from trl.trainer.{kind}_trainer import {name}Trainer as again
assert again is {name}Trainer and again.__module__ == 'trl.trainer.{kind}_trainer', again
assert {name}Config.__module__ == 'trl.trainer.{kind}_config', {name}Config
assert PPOTrainer.__module__ == 'trl.experimental.ppo.ppo_trainer', PPOTrainer
"""


@pytest.mark.parametrize("name", ["SFT", "GRPO"])
def test_what_is_put_in_the_place_of_trls_classes_before_they_were_loaded_is_taken_out_again(name):
    script = REPLACED.format(name=name, kind=name.lower())
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
