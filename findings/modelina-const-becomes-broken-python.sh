#!/usr/bin/env bash
# AsyncAPI's Modelina makes pydantic classes of a JSON Schema. A property with `const` and the same `default`, as a discriminator has
# ("type": "function" in a tool call), becomes a line that is no Python: the default's quotes are written twice.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --prefix "$folder" @asyncapi/modelina@5.10.1 >/dev/null
cat > make.cjs <<'JS'
const { PythonGenerator, PYTHON_PYDANTIC_PRESET } = require("@asyncapi/modelina");
const schema = {
  $id: "ToolCall", $schema: "http://json-schema.org/draft-07/schema#", type: "object",
  properties: { kind: { type: "string", const: "function", default: "function" } },
};
new PythonGenerator({ presets: [PYTHON_PYDANTIC_PRESET] }).generate(schema).then((models) => console.log(models[0].result));
JS
node make.cjs > made.py
echo "modelina 5.10.1, pydantic preset, of a property {type: string, const: function, default: function}"
echo "expected: a class that Python can read"
echo "seen:     $(grep -m1 'Field(' made.py | sed 's/^ *//')"
if python3 -c 'import ast, sys; ast.parse(open("made.py", encoding="utf-8").read())' 2>error.txt; then echo "          it is Python now"; exit 1; fi
echo "          $(tail -n 1 error.txt)"
