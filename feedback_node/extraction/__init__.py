"""Claims out of text: the ontology's phrases, and open extraction over a dependency parse.

`extractor` the class · `patterns` the ontology's phrases · `spans` names, dates and measures as one word each · `pipeline` spaCy ·
`parse` its result as lists · `clauses` verbs · `nouns` copulas, possessives, appositions · `phrases` noun phrases ·
`coreference` pronouns · `marks` negation and hedging · `english.toml` the word lists.
"""

from feedback_node.extraction.extractor import TripletExtractor

__all__ = ["TripletExtractor"]
