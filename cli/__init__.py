"""The command line. Importing it as the program that trains makes that program stop in order from its first moment on."""

import sys

if sys.argv[:1] == ["-m"] or sys.argv[0].endswith("/pelton"):  # `python -m cli...`, while Python still looks for the module; `pelton`
    from cli import first_moment

    first_moment.listen()
