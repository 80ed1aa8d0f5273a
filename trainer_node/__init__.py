"""The trainer: takes curriculum-ordered samples off the band topics, trains on them, and makes checkpoint and stream position one thing."""

import os

# Before torch is loaded: its threads sleep while they wait for each other. They would spin, and where the workers share the cores with the
# trainer a step then takes ten times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
