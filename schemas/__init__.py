"""What may be said on the log: one module per message, one catalogue of topics, one tree of errors. Imports nothing of ours."""
