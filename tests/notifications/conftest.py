from trading.conftest import database, rig

__all__ = ["database", "rig"]
