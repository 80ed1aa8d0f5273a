"""From the bands to a batch: the consumer's thread, flow control, deduplication, pacing, choice. Knows no torch."""
