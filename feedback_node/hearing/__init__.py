"""What an answer says, heard against its question: form is taken off before the parse; after it fragments, denials, abstention are read.

`hear` the order of it all · `utterance` the text without its form (`form`, `surface`), its `openers` and what it has `set_apart` ·
`asked` what the question leaves open · `offers` fragments and echoes, with the names (`name_offers`) and phrases in small letters
(`plain_offers`) that they offer · `described` what is said beside a statement · `reread` open claims as they are meant behind the
question, with `told`, which other words say what it asks, and `closer`, which is meant of what is said twice · `sole` the one thing of
the kind that was asked for, where nothing else was heard, with `makers`, who made it, and `named_kinds`, names that say of what kind they
are · `known_objects` what the graph has as an answer, whatever the verb · `chosen` of the answers that the question gives · `said_again`
the question's own words: a yes/no question's, with a "not" or without, `inverse` those before the thing that was asked for, `given_back`
the thing itself in the place of its property · `items` lists by lines, and `described_items` those whose items have descriptions ·
`shorthand` what is written short · `elided` a second verb of one "it" · `same_event` sentences that only say when, and `dates_beside`
dates beside an answer · `compared` answers to what `feedback_node.comparison` asks · `languages` others than English · `plurals` what is
said of many · `named_parts` of a question that has several · `second_readings` of one phrase · `replies` of yes and no · `whose` the
value is that the question gives · `abstention` who says that he does not know · `frame` words that say nothing.
"""

from feedback_node.hearing.hear import Heard, hear
from feedback_node.hearing.utterance import Utterance, prepare

__all__ = ["Heard", "Utterance", "hear", "prepare"]
