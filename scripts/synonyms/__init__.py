"""Makes `streams/augmenter/synonyms.tsv`."""
