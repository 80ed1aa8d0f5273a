"""The training loop's parts: one module for each kind of trainer, what feeds it, its losses, and evaluation."""
