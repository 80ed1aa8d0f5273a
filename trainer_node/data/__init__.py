"""A record on its way to tokens, and the samples of one optimizer step."""
