"""Claims out of text: the ontology's phrases, and open extraction over a dependency parse.

`extractor` the class · `patterns` the ontology's phrases · `spans` names, dates and measures as one word each · `pipeline` spaCy ·
`parse` its result as lists · `clauses` verbs, with their `subjects` and `arguments` · `copulas` "S is A" · `descriptions` what A says ·
`nouns` possessives, appositions · `mends` what the small parser hangs wrongly, put right before any rule reads it, with `lists`,
`named_nouns`, `lost_subjects`, `relatives`, `directions`, `two_roles` ·
`titles` titles that look like sentences · `values` measures and places · `phrases` noun
phrases · `coreference` pronouns · `marks` negation and hedging · `times` when · `reading` what is found so far · `english.toml` the word
lists, read by `lexicon`.

Nothing is imported here: the word lists are read by what never parses, and spaCy takes seconds.
"""
