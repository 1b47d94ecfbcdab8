"""Server-rendered pages: the public front door, the patient's side, the advisor's desk."""

from fastapi import APIRouter

from services.intake.settings import Settings
from shared.settings import PlatformSettings
from shared.web.oidc import oidc_router
from shared.web.tokens import SESSIONS, read_key


def staff_sign_in() -> APIRouter:
    """Return the routes by which staff sign in; they are intake's because it alone signs sessions.

    Raises ``ValueError`` in production while the client's secret is the development issuer's, which everybody can read.
    """
    platform = PlatformSettings()
    secret = PlatformSettings.model_fields["oidc_client_secret"].default
    if platform.consilium_env == "production" and platform.oidc_client_secret == secret:
        raise ValueError("set OIDC_CLIENT_SECRET to the one that your issuer knows")
    key = read_key(Settings().session_key_file, SESSIONS)
    return oidc_router(key=key, client_secret=platform.oidc_client_secret, public_url=platform.public_url)
