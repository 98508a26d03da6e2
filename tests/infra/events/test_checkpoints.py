"""A checkpoint is only what its key signed."""

from pathlib import Path

import pytest

from faults.tampering import filled, signed
from traderbot.infra.events.checkpoints import Checkpoint
from traderbot.infra.events.journal import verify
from traderbot.infra.events.seals import Seal
from traderbot.infra.storage.database import Database, metadata
from traderbot.model.errors import InvalidValue

pytestmark = pytest.mark.integration


def test_only_what_the_key_signed_is_taken(database: Database, tmp_path: Path) -> None:
    filled(database, 20)
    file, key = signed(database, tmp_path)
    assert Checkpoint.opened(file, key).content.position == 20
    (tmp_path / "other").mkdir()
    for bytes_, by in (
        (file.replace(b'\\"position\\":20', b'\\"position\\":19'), key),
        (file, Seal(tmp_path / "other").public_key),
        (b"{}", key),
        (b"nothing", key),
        (file, "no key"),
    ):
        with pytest.raises(InvalidValue):
            Checkpoint.opened(bytes_, by)


def test_the_key_is_its_owners_alone_and_stays(tmp_path: Path) -> None:
    first = Seal(tmp_path)
    assert (tmp_path / "journal.key").stat().st_mode & 0o777 == 0o600
    assert Seal(tmp_path).public_key == first.public_key


def test_another_journal_does_not_pass(database: Database, tmp_path: Path) -> None:
    filled(database, 20)
    file, key = signed(database, tmp_path)
    other = Database(f"sqlite:///{tmp_path}/other.db")
    metadata.create_all(other.writer)
    filled(other, 40, begin=7)
    with other.read() as connection:
        assert (verify(connection, Checkpoint.opened(file, key)).fault or "").startswith("position 1 ")
    other.close()
