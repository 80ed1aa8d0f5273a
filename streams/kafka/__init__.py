"""Kafka: settings, a broker to run against, topics, sending, reading, dead letters and lag. Nothing here knows what a sample means."""
