"""Events over NATS JetStream: the relay that publishes them, the consumer for other processes in Python."""

from traderbot.infra.delivery.consumer import Consumer, EventMissing
from traderbot.infra.delivery.nats_client import NatsTrouble, OtherJournal
from traderbot.infra.delivery.relay import STREAM, Relay
from traderbot.infra.events.envelopes import Envelope, named_by, open_envelope, subject_of

__all__ = [
    "STREAM", "Consumer", "Envelope", "EventMissing", "NatsTrouble", "OtherJournal", "Relay", "named_by",
    "open_envelope", "subject_of",
]  # fmt: skip
