"""What every fact is, and the values of which facts are made."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.ids import CaseId

Count = Annotated[int, Field(ge=0)]
Revision = Annotated[int, Field(ge=1)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Channel = Literal["web", "phone", "email", "fax", "post", "courier"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class ProgrammeRef(_Value):
    """The version of the rules that a case began with, and keeps (R18)."""

    id: str
    version: Revision


class Money(_Value):
    """An exact amount in minor units of an ISO 4217 currency (R21)."""

    amount_minor: Count
    currency: Currency


class Fact(_Value):
    """Something that happened to one case, told by the service that owns ``topic``."""

    topic: ClassVar[str]
    version: ClassVar[int] = 1

    case_id: CaseId

    @classmethod
    def type_name(cls) -> str:
        """Return the CloudEvents type, such as ``PaymentReceived.v1``."""
        return f"{cls.__name__}.v{cls.version}"
