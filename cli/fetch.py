"""`pelton fetch`: have ready beforehand what commands would otherwise fetch or convert when first needed."""

from __future__ import annotations

import click

from cli.terminal import say


@click.command()
@click.option("--broker/--no-broker", default=True, show_default=True, help="The jars of Apache Kafka.")
@click.option("--model/--no-model", default=True, show_default=True, help="The demo's small model, as safetensors.")
def fetch(broker: bool, model: bool) -> None:
    """Fetch the broker and make the small model ready, once; what is in the cache is not touched again."""
    if broker:
        from schemas.errors import BrokerError
        from streams.kafka.broker import fetch_broker
        from streams.kafka.class_archive import archive_classes

        fetch_broker(lambda name: say(f"  {name}", err=True))
        try:
            archive_classes()
        except BrokerError as error:  # no Java here, say: the jars may be for elsewhere
            say(f"broker: starts slower than it could: {error}", err=True)
        say("broker: ready", err=True)
    if model:
        from trainer_node.models.gguf import default_model

        say(f"model: {default_model()}", err=True)
