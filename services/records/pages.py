"""Pages."""

from fastapi import APIRouter

patient = APIRouter()
desk = APIRouter()
