"""The commit: what a checkpoint is, how it becomes durable, who may write it. Knows no Kafka."""
