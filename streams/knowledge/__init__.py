"""The knowledge hypergraph: what is known, whom a name means, and what the graph says of a claim.

`ontology` predicates, chains and classes (data) · `relations` from words to predicates · `names` folding · `english` its words ·
`aliases` which names are one entity · `lexicon` names in a text · `value_types` what the graph answers with · `hypergraph` facts by name ·
`paths` distances in facts · `undeclared` values declared as names · `phrases` from noun phrases to entities · `quantities`, `dates`,
`times` values · `judge` verdicts · `view` the graph kept from the `facts` topic · `importing` facts from files.
"""
