"""Our trainers derive from TRL's classes, whatever importing Unsloth puts in their places, and whichever is imported first."""

from __future__ import annotations

import subprocess
import sys

import pytest

REPLACED = """
import importlib
import sys
from trainer_node.models.trl_classes import own_classes_kept

class Other:
    '''Stands for a class that Unsloth generates; it puts them into each of these modules.'''

NAMES = ('SFT', 'DPO', 'GRPO')
assert not any(name.partition('.')[0] == 'trl' for name in sys.modules), 'none was loaded before'
with own_classes_kept():
    import trl, trl.trainer, trl.experimental.ppo.ppo_trainer
    for name in NAMES:
        for module in ('trl', 'trl.trainer', f'trl.trainer.{name.lower()}_trainer', f'trl.trainer.{name.lower()}_config'):
            setattr(importlib.import_module(module), f'{name}Trainer', Other)
            setattr(importlib.import_module(module), f'{name}Config', Other)
    trl.experimental.ppo.PPOTrainer = trl.experimental.ppo.ppo_trainer.PPOTrainer = Other

from trl.experimental.ppo import PPOTrainer
assert PPOTrainer.__module__ == 'trl.experimental.ppo.ppo_trainer', PPOTrainer
for name in NAMES:
    trainer, config = getattr(trl, f'{name}Trainer'), getattr(trl, f'{name}Config')
    again = getattr(importlib.import_module(f'trl.trainer.{name.lower()}_trainer'), f'{name}Trainer')
    assert again is trainer and again.__module__ == f'trl.trainer.{name.lower()}_trainer', again
    assert config.__module__ == f'trl.trainer.{name.lower()}_config', config
"""


@pytest.mark.processes
def test_what_is_put_in_the_place_of_trls_classes_before_they_were_loaded_is_taken_out_again():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", REPLACED], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
