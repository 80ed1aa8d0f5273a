"""What surrounds the training loop: following rank 0, publishing checkpoints, warm starts, metrics, and when a run is complete."""
