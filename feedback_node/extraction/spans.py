"""Which runs of tokens are one name, quotation, date or measure: found before the parse, so that the parser sees one word each.

A small parser fails most on long names ("Alcatraz Versus the Evil Librarians"). Each run is put before it as one stand-in word
that it knows how to handle, and the run's own text and characters are kept beside the parse.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from feedback_node.extraction.lexicon import words
from feedback_node.extraction.titles import inner_title_end, title_end
from streams.knowledge.dates import PART

_AFTER_POSSESSIVE = words("after_possessive")
_BINOMIALS = words("binomials")
_INSTITUTIONS = words("institutions")
_MONTHS = words("months")
_NAME_LINKS = words("name_links")
_PLACE_OPENERS = frozenset(
    {"new", "north", "south", "east", "west", "northern", "southern", "united", "saint", "st.", "rhode", "british", "sri", "el"}
)
_OCCUPATIONS = words("occupations")
_OPENERS = words("openers")
_TITLE_OPENERS = words("title_openers")
_TITLES = words("titles")
_HOLDERS = _TITLES | words("occupations")
_UNITS = words("units")

_PREFIXES = words("prefixes")

NAME, QUOTE, DATE, NUMBER = "name", "quote", "date", "number"
WORD = "word"
"""Kind of "co-written": a word like others, that the tokenizer cuts."""

_MONTH_NAMES = "|".join(sorted(_MONTHS, key=len, reverse=True))
_MONTH = rf"(?:{_MONTH_NAMES})\b\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"\b(?:\d{{4}}-\d{{1,2}}-\d{{1,2}}|\d{{1,2}}/\d{{1,2}}/\d{{2,4}}|(?:the\s)?{_DAY}\s(?:of\s)?{_MONTH}(?:,?\s(?:of\s)?\d{{4}})?"
    rf"|{_MONTH}\s(?:the\s)?{_DAY}(?:,?\s(?:of\s)?\d{{4}})?(?!\d)|{_MONTH},?\s(?:of\s)?\d{{4}}"
    r"|\d{4}/\d{1,2}/\d{1,2}|\d{1,2}\.\d{1,2}\.\d{4}|(?:the\s)?(?:" + PART + r")?\d{1,2}(?:st|nd|rd|th)[\s-]century(?:\s(?:BCE?|AD|CE))?"
    r"|\d{1,4}\s(?:BCE?|AD|CE|B\.C\.|A\.D\.)|AD\s\d{1,4})(?!\w)",
    re.IGNORECASE,
)
_METRIC = (
    "(?:(?:exa|peta|tera|giga|mega|kilo|centi|milli|micro|nano)(?:metre|meter|gram|gramme|litre|liter|watt|volt|joule|hertz|second)s?)"
)
_BASE_UNIT = "|".join([*sorted((re.escape(unit) for unit in _UNITS), key=len, reverse=True), _METRIC])
_PER = "sec|s|h|day|annum|capita|inhabitant|person"
_UNIT = rf"(?:{_BASE_UNIT})(?:\s?(?:per|/)\s?(?:square\s|cubic\s|sq\.?\s)?(?:{_BASE_UNIT}|{_PER})\b)?"
_DIGITS = r"(?:\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)|\d[\d,]*(?:\.\d+)*)"
_POWER = r"(?:\s?[×x*]\s?10(?:\^[-−]?\d+|[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))?"
_SCALE = "hundred|thousand|million|billion|trillion|dozen|lakh|crore"
_WORD_NUMBER = (
    "(?:(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?"
    "|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen)"
)
_SCALED = re.compile(rf"\b(?:{_SCALE}|hours?|minutes?)\b")
_PARTED = "|".join(
    rf"{whole}[\s-](?:and\s)?(?:\d+(?:\.\d+)?|{_WORD_NUMBER})[\s-]{part}"
    for whole, part in (("hours?", "min(?:ute)?s?"), ("min(?:ute)?s?", "sec(?:ond)?s?"), ("(?:feet|foot|ft)", "(?:inches|inch|in)"))
)
_NUMBER = re.compile(
    rf"(?<![\w.])(?:\d+|{_WORD_NUMBER})[\s-](?:{_PARTED})\b"
    rf"|(?:(?:US|A|C)?[$€£¥]\s?)?(?<![\w.])[-−]?{_DIGITS}(?:e[-+]?\d+)?{_POWER}(?:(?:[\s-](?:{_UNIT})\b)+|\s?°\s?[CFK]?(?!\w)|\s?km²|\s?m²)"
    rf"(?:\s(?:US|U\.S\.)\sdollars)?|(?<![\w.]){_DIGITS}{_POWER[:-1]}|(?<![\w.])\d{{1,3}}(?:[.\u00a0\u202f]\d{{3}}){{2,}}(?![\w.])"
    rf"|\b(?:\d+|an?|{_WORD_NUMBER})\sand\s(?:an?|one|three)\s(?:half|quarters?|third)(?:\s(?:{_SCALE}|{_UNIT})\b)+"
    rf"|\b(?:an?|{_WORD_NUMBER})\s(?:{_SCALE})\sand\s(?:an?|one)\s(?:half|quarter|third)\b"
    rf"|\b(?:half\sa|an?|{_WORD_NUMBER})\s(?:{_SCALE})s?\b(?!\sof\b)(?:[\s-](?:and\s)?(?:{_WORD_NUMBER}|{_SCALE}|{_UNIT})\b)*"
    rf"|(?<![\w-])\d+(?:-\d+){{2,}}(?:-[\dxX])?(?![\w-])|(?<![\w-])(?!(?:1\d|20)\d\d-(?:1\d|20)\d\d)\d{{4}}-\d{{3}}[\dxX](?![\w-])|(?<![\w.])[-−]\d+(?:\.\d+)?(?!\w)"
    rf"|(?:US|A|C)?[$€£¥]\s?\d[\d,]*(?:\.\d+)?(?:\s(?:{_UNIT})\b)*|\d[\d,.]*\s?%",
    re.IGNORECASE,
)
_SAME_AS = words("same_as")
_DIGIT = re.compile(r"\d")
_QUOTE = re.compile(r"[\"“]([^\"“”\n]{1,120})[\"”]")
_PLACE_PREPOSITIONS = frozenset({"in", "at", "near", "from", "of", "to", "on", "around", "outside"})
_TITLE_PREPOSITIONS = frozenset({"for", "to", "with", "from", "at", "on", "by", "up"})
_LONGEST_CHAIN = 4
_SENTENCE_ENDS = frozenset({".", "!", "?", ";"})
_JOINTS = frozenset({"-", "–", "/", "&", "'", "’"})


class Run(NamedTuple):
    """Tokens first..last (last excluded) that are one thing, and of which kind."""

    first: int
    last: int
    kind: str


def find_runs(text: str, tokens: list[str], starts: list[int]) -> list[Run]:
    """Runs in text order, not overlapping. `tokens` are the tokenizer's, `starts` their first characters."""
    fixed = _fixed_runs(text, tokens, starts)
    return _join_comma_names(tokens, _join_two_names(tokens, _with_names(tokens, starts, fixed)))


def _fixed_runs(text: str, tokens: list[str], starts: list[int]) -> list[Run]:
    found: list[tuple[int, int, str]] = []
    if '"' in text or "“" in text:
        found += [(*match.span(), QUOTE) for match in _QUOTE.finditer(text)]
    if _DIGIT.search(text):
        found += [(*match.span(), DATE) for match in _DATE.finditer(text)]
        found += [(*match.span(), NUMBER) for match in _NUMBER.finditer(text)]
    elif _SCALED.search(text):
        found += [(*match.span(), NUMBER) for match in _NUMBER.finditer(text)]
    if not found:
        return []
    found.sort(key=lambda item: (item[0], -item[1]))
    runs: list[Run] = []
    at = 0
    for begin, end, kind in found:
        while at < len(tokens) and starts[at] + len(tokens[at]) <= begin:
            at += 1
        last = at
        while last < len(tokens) and starts[last] < end:
            last += 1
        if last > at and (not runs or at >= runs[-1].last):
            runs.append(Run(at, last, kind))
            at = last
    return runs


def _with_names(tokens: list[str], starts: list[int], fixed: list[Run]) -> list[Run]:
    """Title-case runs between the runs already fixed."""
    runs: list[Run] = []
    at = 0
    for run in [*fixed, Run(len(tokens), len(tokens), "")]:
        while at < run.first:
            if tokens[at][0].isupper() and _is_one_word(tokens, at, run.first):
                runs.append(Run(at, at + 3, NAME))  # "Rhythm and Blues"
                at += 3
                continue
            begins = at == 0 or tokens[at - 1] in _SENTENCE_ENDS
            end_of = title_end if begins else inner_title_end
            if tokens[at][0].isupper() and (last := end_of(tokens, at, run.first)) > at:
                last += _note_length(tokens, last, run.first)
                runs.append(Run(at, last, NAME))
                at = last
                continue
            last = _name_end(tokens, starts, at, run.first)
            if last == at + 1 and tokens[at].lower() in _TITLES and at and not tokens[at - 1][0].isupper():
                at += 1  # "X is President": no name
            elif last > at:
                runs.append(Run(at, last, NAME))
                at = last
            elif _is_one_word(tokens, at, run.first):
                runs.append(Run(at, at + 3, WORD))
                at += 3
            elif _is_cut_id(tokens, starts, at, run.first):
                runs.append(Run(at, at + 2, WORD))
                at += 2
            else:
                at += 1
        if run.kind:
            runs.append(run)
            at = run.last
    return runs


def _is_one_word(tokens: list[str], at: int, stop: int) -> bool:
    """For "co-written", which the tokenizer cuts, and "rhythm and blues"."""
    if at + 2 >= stop:
        return False
    cut = tokens[at] in _PREFIXES and tokens[at + 1] == "-" and tokens[at + 2].islower()
    return cut or (tokens[at + 1] in ("and", "&") and f"{tokens[at]}-{tokens[at + 2]}".lower() in _BINOMIALS)


def _is_cut_id(tokens: list[str], starts: list[int], at: int, stop: int) -> bool:
    """For "id", which the tokenizer takes for "I'd"."""
    return at + 1 < stop and tokens[at].lower() == "i" and tokens[at + 1] == "d" and starts[at + 1] == starts[at] + 1


def _opens_name(tokens: list[str], at: int, stop: int) -> bool:
    token = tokens[at]
    first = token[0]
    begins_sentence = at == 0 or tokens[at - 1] in _SENTENCE_ENDS or "\n" in tokens[at - 1] or ends_sentence(tokens, at)
    if first.isupper():
        if _is_trade(tokens, at, stop):
            return False
        if begins_sentence and token.lower() in _OPENERS:
            return _opens_title(tokens, at, stop)
        # one word at a sentence's start is left to the tagger ("Dedicated to …", "Jazz has …")
        if token.lower() in _TITLES and at + 1 < stop and tokens[at + 1] == "of":
            return False
        return token != "I" and not (begins_sentence and at + 1 < stop and tokens[at + 1][0].islower() and not _goes_on(tokens, at, stop))
    if not first.isdigit() or at + 1 >= stop:
        return False
    if any(char.isupper() for char in token):
        return True
    follows = tokens[at + 1]
    if follows == ":" and (begins_sentence or (len(token) == 4 and at + 2 < stop and tokens[at + 2][0].isupper())):
        return True  # "the author of 2001: A Space Odyssey"
    before = tokens[at - 1].lower() if at else ""
    if before in _SAME_AS and at > 1 and "the" in (tokens[at - 2].lower(), tokens[max(at - 3, 0)].lower()) and follows[0].isupper():
        return True  # "the asteroid 1147 Stavropolis"
    brings = ("in", "of", "at", "by", "to", "the", "on", "and", "for", "as", "called", "named")
    year = len(token) == 4 and before in ("in", "since", "from", "until", "by", "during", "to")
    return follows[0].isupper() and not year and (begins_sentence or before in brings)


def _is_trade(tokens: list[str], at: int, stop: int) -> bool:
    """Whether a word says what the person named behind it is: "Director Ray Griggs"."""
    if at + 2 >= stop or tokens[at].lower() not in _OCCUPATIONS or (at and tokens[at - 1][0].isupper()):
        return False
    return all(_is_name_word(token) and token[0].isalpha() for token in tokens[at + 1 : at + 3])


def _opens_title(tokens: list[str], at: int, stop: int) -> bool:
    """For "A Loyal Character Dancer", "A-Rosa Luna" and "Into the Wild was" begin with an opener; "The 3Arena" and "In Dublin" do not."""
    if tokens[at] in ("A", "An"):
        return at + 2 < stop and (tokens[at + 1] == "-" or tokens[at + 1][0].isupper()) and _is_name_word(tokens[at + 2])
    if tokens[at].lower() not in _TITLE_OPENERS:
        return False
    end = at + 1
    while end < stop and (_is_name_word(tokens[end]) or tokens[end] == "the"):
        end += 1
    return end > at + 1 and end < len(tokens) and tokens[end] in ("is", "was", "has")


def _goes_on(tokens: list[str], at: int, stop: int) -> bool:
    return tokens[at + 1] in _NAME_LINKS and at + 2 < stop and tokens[at].lower() not in _TITLES


def _is_name_word(token: str) -> bool:
    return token[0].isupper() or (token[0].isdigit() and any(char.isalnum() for char in token))


def _name_end(tokens: list[str], starts: list[int], at: int, stop: int) -> int:
    """End of the name that begins at `at`, or `at` itself where none begins."""
    if not _opens_name(tokens, at, stop):
        return at
    end = at + 1
    while end < stop:
        token = tokens[end]
        if ends_sentence(tokens, end):
            break
        if _is_name_word(token):
            end += 1
            continue
        step = _link_length(tokens, starts, at, end, stop)
        if not step:
            break
        end += step
    return end + _note_length(tokens, end, stop)


def ends_sentence(tokens: list[str], end: int) -> bool:
    """In "is F. It" and "in Washington, D.C. The" the full stop is the sentence's, too."""
    return tokens[end - 1].endswith(".") and tokens[end][0].isupper() and tokens[end].lower() in _OPENERS


def _note_length(tokens: list[str], end: int, stop: int) -> int:
    """Length of the note in "English (language)" and "Republican Party (United States)"; 0 where there is none."""
    if end + 2 >= stop or tokens[end] != "(":
        return 0
    for close in range(end + 2, min(end + 6, stop)):
        if tokens[close] == ")":
            inside = tokens[end + 1 : close]
            return close + 1 - end if (len(inside) == 1 and inside[0].isalpha()) or inside[0][0].isupper() else 0
    return 0


def _link_length(tokens: list[str], starts: list[int], at: int, end: int, stop: int) -> int:
    """How many tokens the link at `end` takes up to and with the next name word; 0 where the name ends here."""
    token = tokens[end]
    if end + 1 >= stop:
        return 0
    if token in ("'s", "’s") and tokens[end + 1][0].isupper() and tokens[end + 1].lower() in _AFTER_POSSESSIVE:
        return 2
    if token in ("and", "at") and _names_institution(tokens, at, end, stop):
        return 2
    touching = starts[end] == starts[end - 1] + len(tokens[end - 1])
    if end - 1 == at and tokens[at].endswith("ing") and token in _TITLE_PREPOSITIONS and tokens[end + 1][0].isupper():
        return 2  # "Waiting for Godot": a gerund in upper case begins a title
    if token in _JOINTS or (token == ":" and touching):
        return 2 if _is_name_word(tokens[end + 1]) or (touching and token == "-") else 0
    if token not in _NAME_LINKS or (token == "of" and tokens[end - 1].lower() in _TITLES):
        return 0
    if token == "the" and tokens[end - 1].lower() not in _TITLE_OPENERS:
        return 0
    for ahead in (1, 2):
        if end + ahead < stop and tokens[end + ahead][0].isupper():
            return ahead + 1
        if end + ahead >= stop or tokens[end + ahead] not in _NAME_LINKS:
            return 0
    return 0


def _names_institution(tokens: list[str], at: int, end: int, stop: int) -> bool:
    """Whether "and" or "at" goes on in "School of Arts and Sciences", "University of Texas at Austin"; not in "… and York University"."""
    inside = [token.lower() for token in tokens[at:end]]
    if "of" not in inside or inside[inside.index("of") - 1] not in _INSTITUTIONS or not tokens[end + 1][0].isupper():
        return False
    if tokens[end] == "at":
        return "university" in inside
    if inside[inside.index("of") - 1] in ("university", "universities"):
        return False
    ahead = end + 1
    while ahead < stop and (_is_name_word(tokens[ahead]) or tokens[ahead] in _NAME_LINKS):
        if tokens[ahead].lower() in _INSTITUTIONS or tokens[ahead] in _NAME_LINKS:
            return False
        ahead += 1
    return ahead - end <= _LONGEST_CHAIN


def _join_comma_names(tokens: list[str], runs: list[Run]) -> list[Run]:
    """Join the place in `in Wheeler, Texas` to one name; leave the list in `in Wheeler, Dallas and Austin`."""
    joined: list[Run] = []
    at = 0
    while at < len(runs):
        chain = _comma_chain(tokens, runs, at)
        if len(chain) >= 2 and _is_place_chain(tokens, runs[at].first, chain[-1].last, len(chain)):
            joined.append(Run(runs[at].first, chain[1].last, NAME))
            at += 2
        else:
            joined.append(runs[at])
            at += 1
    return joined


def _join_two_names(tokens: list[str], runs: list[Run]) -> list[Run]:
    """Join "The Post and Mail Building" where the verb behind it is of one thing: two would take "are"."""
    joined: list[Run] = []
    for run in runs:
        before = joined[-1] if joined else None
        follows = tokens[run.last : run.last + 3]
        verb = follows[2:] if follows[:2] == [",", "which"] else follows[:1]
        if (
            before is not None
            and before.kind == run.kind == NAME
            and before.last + 1 == run.first
            and tokens[before.last] == "and"
            and before.first > 0
            and tokens[before.first - 1] == "The"
            and (before.first == 1 or tokens[before.first - 2] in _SENTENCE_ENDS)
            and run.last - run.first > 1
            and verb in (["is"], ["was"], ["has"])
        ):
            joined[-1] = Run(before.first, run.last, NAME)
        else:
            joined.append(run)
    return joined


def _comma_chain(tokens: list[str], runs: list[Run], at: int) -> list[Run]:
    chain = [runs[at]]
    while len(chain) < _LONGEST_CHAIN and runs[at].kind == NAME and at + 1 < len(runs) and runs[at + 1].kind == NAME:
        if runs[at].last + 1 != runs[at + 1].first or tokens[runs[at].last] != ",":
            break
        at += 1
        chain.append(runs[at])
    return chain


def _is_holder(tokens: list[str], at: int) -> bool:
    """Whether "The winner" opens the sentence: whom a name behind a comma names."""
    return at == 1 and tokens[0] == "The" and tokens[at].islower() and tokens[at] not in _SAME_AS


def _is_full_name(tokens: list[str], first: int, last: int) -> bool:
    """Whether what stands behind the comma looks like a person: two words or more, and no "New York"."""
    comma = tokens.index(",", first, last)
    return last - comma > 2 and tokens[comma + 1].lower() not in _PLACE_OPENERS


def _is_place_chain(tokens: list[str], first: int, last: int, length: int) -> bool:
    def token(at: int) -> str:
        return tokens[at] if 0 <= at < len(tokens) else "."

    after, second = token(last), token(last + 1)
    if after in ("and", "or") and second[0].isupper():
        return False
    if after == "," and second in ("and", "or", "as") and (token(last + 2)[0].isupper() or token(last + 2) == "the"):
        return False
    if length == _LONGEST_CHAIN:
        return False
    opens = first == 0 or tokens[first - 1] in _SENTENCE_ENDS or (first == 1 and tokens[0] == "The")
    if opens:
        nxt = second if after == "," else after
        return nxt[0].islower() and nxt not in ("a", "an", "the", "who", "which", "whose", "and", "or", "where", "also")
    before = token(first - 1).lower()
    of = first - 1 if before == "of" else first - 2
    held = token(of) == "of" and (token(of - 1).lower() in _HOLDERS or _is_holder(tokens, of - 1))
    if held and after == "," and length == 2 and _is_full_name(tokens, first, last):
        return False  # "The mayor of X, Jane Doe, is"
    if before == "the":
        before = token(first - 2).lower()
    if before not in _PLACE_PREPOSITIONS:
        apart = before in (",", "by", "with", "for") or before.endswith("ing")  # "Written by X, Y is"
        return after in ("is", "was", "has") and length == 2 and not apart
    return after in (",", ".", ";", ")", "and", "but", "which", "where", "on", "in", "by", "as", "with") or length == 3
