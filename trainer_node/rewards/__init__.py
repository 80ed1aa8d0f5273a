"""Where a reward is asked for."""
