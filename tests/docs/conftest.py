"""Pages run commands, which set up logging for their process; a test process goes on after them."""

from cli.conftest import logs_as_before

__all__ = ["logs_as_before"]
