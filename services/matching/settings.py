"""What matching reads from the environment: the keys of ``ServiceSettings`` as ``MATCHING_DATABASE_URL`` and so on."""

from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class MatchingSettings(ServiceSettings):
    """Matching has no keys of its own: documents go to the platform's FILES_URL, fonts come from its NODE_MODULES."""

    model_config = SettingsConfigDict(env_prefix="MATCHING_", extra="ignore")
