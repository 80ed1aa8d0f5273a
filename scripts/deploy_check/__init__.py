"""Whether what stands in deploy/ is right: by its formats' schemas, and by what the code has (flags, variables, ports, paths).

`documents` reads manifests, `formats` holds them against schemas, `containers` against the code, `tools` asks the programs that are there.
"""
