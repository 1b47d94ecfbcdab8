"""Pages are judged in a real browser, on the made-up service and on all real ones."""

from tests.shared.web.conftest import sample

__all__ = ["sample"]
