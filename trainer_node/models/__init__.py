"""A model in memory: loading, placing, adapting, restoring, sharding, answering. Knows neither the loop nor Kafka."""
