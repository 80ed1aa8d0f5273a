"""What is published is valid by the tools that people use, and what these generate from it reads our own messages."""

from __future__ import annotations

import importlib
import json
import subprocess
from pathlib import Path

import pytest

from schemas import export
from schemas.sample import Sample
from tests.clients.conftest import Run
from tests.models.messages import EXAMPLES

SCHEMAS = sorted(path for path in export.FOLDER.glob("*.json") if path.name != "asyncapi.json")
PARSE = """
const { Parser, fromFile } = require('@asyncapi/parser')
fromFile(new Parser(), process.argv[2]).parse().then(({ document, diagnostics }) => {
  const told = diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path: path.join('/') }))
  console.log(JSON.stringify({ channels: document && document.channels().all().length, told }))
})
"""
VALIDATE = """
const Ajv = require('ajv/dist/2020').default
const { readFileSync } = require('fs')
const [messages, ...schemas] = process.argv.slice(2).map((name) => JSON.parse(readFileSync(name)))
const ajv = new Ajv({ strict: true, strictTypes: true, strictTuples: true, allErrors: true })
schemas.forEach((schema) => ajv.compile(schema))
for (const { id, value } of messages)
  if (!ajv.validate(id, value)) throw new Error(`${id}: ${ajv.errorsText()}`)
if (ajv.validate('urn:pelton:schemas:sample:1', {})) throw new Error('an empty sample is taken')
"""
MODELS = """
const { PythonFileGenerator, PYTHON_PYDANTIC_PRESET } = require('@asyncapi/modelina')
const { readFileSync } = require('fs')
const [document, folder] = process.argv.slice(2)
new PythonFileGenerator({ presets: [PYTHON_PYDANTIC_PRESET] })
  .generateToFiles(JSON.parse(readFileSync(document)), folder, { packageName: 'models_of_asyncapi' })
  .then((models) => console.log(models.length))
"""
CLASSES = """
import importlib, json, sys
from pathlib import Path
from datamodel_code_generator import DataModelType, Formatter, InputFileType, generate

folder, messages = map(Path, sys.argv[1:])
about = {"input_file_type": InputFileType.JsonSchema, "output_model_type": DataModelType.PydanticV2BaseModel}
for one in json.loads(messages.read_text()):
    target = Path(one["schema"] + "_classes.py")
    if not target.exists():
        generate(folder / (one["schema"] + ".json"), output=target, formatters=[Formatter.BUILTIN], **about)
    getattr(importlib.import_module(target.stem), one["kind"]).model_validate(one["value"])
"""
TYPES = """
const { isDeepStrictEqual } = require('util')
const { readFileSync } = require('fs')
const [convert, messages] = process.argv.slice(2)
const { toSample, sampleToJson } = require(convert)
for (const message of JSON.parse(readFileSync(messages))) {
  const again = JSON.parse(sampleToJson(toSample(JSON.stringify(message))))
  for (const [name, value] of Object.entries(message))
    if (!isDeepStrictEqual(again[name], value)) throw new Error(`${name}: ${JSON.stringify(again[name])}`)
}
let taken = true
try { toSample('{"prompt": 5}') } catch { taken = false }
if (taken) throw new Error('a number is taken for a text')
"""


def script(folder: Path, text: str) -> Path:
    path = folder / "script.js"
    path.write_text(text, encoding="utf-8")
    return path


def written(folder: Path, value: object) -> Path:
    path = folder / "messages.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def name_of(message: object) -> str:
    name = type(message).__name__
    return "".join("_" + char.lower() if char.isupper() else char for char in name).lstrip("_")


def test_asyncapis_parser_has_nothing_to_say_but_that_there_is_a_newer_version(node: Run, tmp_path: Path):
    said = json.loads(node(script(tmp_path, PARSE), export.FOLDER / "asyncapi.json"))
    assert said["channels"] == len(json.loads((export.FOLDER / "asyncapi.json").read_text(encoding="utf-8"))["channels"])
    assert [one for one in said["told"] if one["code"] != "asyncapi-latest-version"] == []


def test_asyncapis_command_line_finds_the_document_valid():
    import shutil

    program = shutil.which("asyncapi")
    if program is None:
        pytest.skip("AsyncAPI's command line is not installed (npm install -g @asyncapi/cli: 1.6 GB)")
    done = subprocess.run([program, "validate", str(export.FOLDER / "asyncapi.json")], capture_output=True, encoding="utf-8", check=False)
    assert "0 errors, 0 warnings" in done.stdout
    assert done.returncode == 0


def test_ajv_compiles_every_schema_strictly_and_finds_our_messages_valid(node: Run, tmp_path: Path):
    messages = [{"id": f"urn:pelton:schemas:{name_of(one)}:1", "value": json.loads(one.encode())} for one in EXAMPLES]
    assert node(script(tmp_path, VALIDATE), written(tmp_path, messages), *SCHEMAS) == ""


def test_check_jsonschema_finds_every_schema_valid(other_python: Run):
    assert "ok" in other_python("-m", "check_jsonschema", "--check-metaschema", *SCHEMAS)


def test_modelinas_models_read_our_messages(node: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "models_of_asyncapi"  # which its files import each other from
    assert int(node(script(tmp_path, MODELS), export.FOLDER / "asyncapi.json", package)) > len(SCHEMAS)
    monkeypatch.syspath_prepend(str(tmp_path))
    for message in EXAMPLES:
        model = getattr(importlib.import_module(f"models_of_asyncapi.{name_of(message)}"), type(message).__name__)
        document = json.loads(message.encode())
        assert json.loads(model.model_validate(document).model_dump_json(exclude_none=True)) == without_nulls(document)


def without_nulls(value: object) -> object:
    """A document as one that leaves out what is null."""
    if isinstance(value, dict):
        return {name: without_nulls(part) for name, part in value.items() if part is not None}
    return [without_nulls(part) for part in value] if isinstance(value, list) else value


def test_classes_of_datamodel_code_generator_read_our_messages(other_python: Run, tmp_path: Path):
    messages = [{"kind": type(one).__name__, "schema": name_of(one), "value": json.loads(one.encode())} for one in EXAMPLES]
    code = tmp_path / "generate.py"
    code.write_text(CLASSES, encoding="utf-8")
    other_python(code, export.FOLDER, written(tmp_path, messages), cwd=tmp_path)


def test_quicktypes_types_read_our_samples_and_write_them(node: Run, tmp_path: Path):
    from scripts import clients

    convert = tmp_path / "convert.js"
    quicktype = clients.node_modules() / "quicktype" / "dist" / "index.js"
    node(quicktype, "-s", "schema", export.FOLDER / "sample.json", "--lang", "js", "--top-level", "Sample", "-o", convert)
    messages = [json.loads(one.encode()) for one in EXAMPLES if isinstance(one, Sample)]
    assert node(script(tmp_path, TYPES), convert, written(tmp_path, messages)) == ""
