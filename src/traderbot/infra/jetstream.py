"""Events over NATS JetStream: the relay that publishes them, the consumer for other processes in Python."""

from traderbot.infra.consumer import Consumer, EventMissing
from traderbot.infra.envelopes import Envelope, named_by, open_envelope, subject_of
from traderbot.infra.nats_client import NatsTrouble, OtherJournal
from traderbot.infra.relay import STREAM, Relay

__all__ = [
    "STREAM", "Consumer", "Envelope", "EventMissing", "NatsTrouble", "OtherJournal", "Relay", "named_by",
    "open_envelope", "subject_of",
]  # fmt: skip
