"""What a route may ask its application for: the running process's context and its database."""

from typing import Annotated

from fastapi import Depends, Request

from shared.db import Database
from shared.service import Context


def context_of(request: Request) -> Context:
    """Return what this process of the service holds."""
    context: Context = request.app.state.context
    return context


def database_of(request: Request) -> Database:
    """Return the service's own database."""
    return context_of(request).db


Ctx = Annotated[Context, Depends(context_of)]
Db = Annotated[Database, Depends(database_of)]
