"""The trainer: takes curriculum-ordered samples off the band topics, trains on them, and makes checkpoint and stream position one thing."""
