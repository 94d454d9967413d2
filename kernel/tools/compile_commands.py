"""Turn the output of `make -Bn V=1 objects` on stdin into compile_commands.json on stdout, for clangd."""
import json
import os
import shlex
import sys

entries = []
for line in sys.stdin:
    words = shlex.split(line) if " -c -o " in line else []
    if words and words[-1].endswith((".c", ".S")):
        entries.append({"directory": os.getcwd(), "file": words[-1], "arguments": words})
json.dump(entries, sys.stdout, indent=1)
