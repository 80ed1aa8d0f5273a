"""Answers: prompts to completions with a model as it stands, by slots that are filled anew as answers end.

    engine_of(model)              the model's engine, made at the first call
    engine.answer(prompts, ...)   one Answer for each prompt: tokens and their log-probabilities

Read on: `choice` (which way a model is answered with), `engine` (the loop), `slots` (what is known of each answer under way), `sampling`
(how a token is chosen), `decoders` (what computes a token's logits: Transformers' forward pass, or the fast path's layers), `graphs` (a
step as one launch, on CUDA), `generating` (the way for all other models).
"""

from trainer_node.models.engine.answers import Answer
from trainer_node.models.engine.choice import engine_of
from trainer_node.models.engine.sampling import GREEDY, Sampling, key_of

__all__ = ["GREEDY", "Answer", "Sampling", "engine_of", "key_of"]
