"""Facts out of files: tables, JSON, edge lists, RDF, GraphML and HIF. `reader` knows them all; the others read one format each."""
