"""How events move and are ordered: Kafka, the knowledge hypergraph, the curriculum and the augmenter. Never imports a node."""
