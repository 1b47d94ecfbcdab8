"""What a route may ask its application for: the running process's context and its database."""

from typing import Annotated

from fastapi import Depends, Request

from shared.db import Database
from shared.service import Context


def context_of(request: Request) -> Context:
    """Return what this process of the service holds."""
    context: Context = request.app.state.context
    return context


async def _context(request: Request) -> Context:
    """Give a route its context; a dependency that is no coroutine would be called in a thread, twice a request."""
    return context_of(request)


async def _database(request: Request) -> Database:
    return context_of(request).db


Ctx = Annotated[Context, Depends(_context)]
Db = Annotated[Database, Depends(_database)]
