"""What can be said of a unit of risk, by its kind. Every fact may be unknown; what is not said is not assumed."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from app.schemas.common import Wire
from app.schemas.enterprises import Name

Count = Annotated[int, Field(ge=0, le=100_000)]
Metres = Annotated[float, Field(ge=0, le=1_000, allow_inf_nan=False)]


class RtoFacts(Wire):
    """A regenerative thermal oxidizer. Air volume in cubic metres an hour."""

    kind: Literal["rto"]
    manufacturer: Name | None = None
    commissioned_on: date | None = None
    chambers: Annotated[int, Field(ge=1, le=20)] | None = None
    air_volume_m3_per_hour: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    fuel: Literal["natural_gas", "liquefied_gas", "diesel", "electricity", "other"] | None = None
    waste_gas: Name | None = None
    has_concentration_monitor: bool | None = None
    has_emergency_bypass: bool | None = None


class SprayBoothFacts(Wire):
    """A booth in which paint or powder is sprayed."""

    kind: Literal["spray_booth"]
    coating: Literal["solvent", "water", "powder", "other"] | None = None
    filter: Literal["dry", "water_curtain", "other"] | None = None
    volume_m3: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    people_at_most: Count | None = None
    has_gas_alarm: bool | None = None
    has_forced_ventilation: bool | None = None


class ConfinedSpaceFacts(Wire):
    """A confined space; poisoning and lack of oxygen are told apart, as the determination standard does."""

    kind: Literal["confined_space"]
    space: Literal["closed_equipment", "underground", "above_ground"] | None = None
    medium: Name | None = None
    toxic_risk: bool | None = None
    oxygen_risk: bool | None = None
    explosion_risk: bool | None = None
    is_identified_and_ledgered: bool | None = None
    has_warning_sign: bool | None = None
    is_locked: bool | None = None
    isolation_points: Count | None = None
    entrances: Count | None = None


class HotWorkPointFacts(Wire):
    """A place where hot work is done."""

    kind: Literal["hot_work_point"]
    is_fixed_area: bool | None = None
    work: Name | None = None
    height_m: Metres | None = None
    combustibles_within_10_m: bool | None = None
    has_extinguishers: bool | None = None


class DustFacts(Wire):
    """A place with combustible dust; `people_at_most` are those working in it at one time."""

    kind: Literal["dust"]
    dust: Literal["metal", "wood", "grain", "textile", "plastic", "other"] | None = None
    material: Name | None = None
    explosion_risk: bool | None = None
    collector: Literal["dry", "wet", "none"] | None = None
    people_at_most: Count | None = None
    is_multi_storey: bool | None = None
    is_frame_structure: bool | None = None


class AmmoniaFacts(Wire):
    """A refrigeration plant with liquid ammonia; `charge_kg` is what it holds."""

    kind: Literal["ammonia"]
    charge_kg: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    has_direct_evaporation_in_workrooms: bool | None = None
    has_quick_freezer: bool | None = None
    quick_freezer_in_own_room: bool | None = None
    people_in_freezer_room: Count | None = None
    has_leak_alarm: bool | None = None


UnitFacts = Annotated[
    RtoFacts | SprayBoothFacts | ConfinedSpaceFacts | HotWorkPointFacts | DustFacts | AmmoniaFacts,
    Field(discriminator="kind"),
]
_ADAPTER: TypeAdapter[Any] = TypeAdapter(UnitFacts)


def facts_schema() -> dict[str, Any]:
    """The JSON Schema of the facts of every kind, for forms."""
    return _ADAPTER.json_schema()


class UnitRequest(Wire):
    """A new unit; the kind stands in its facts."""

    name: Name
    facts: UnitFacts


class UnitChange(Wire):
    """What to change: members left out stay as they are; `facts` replaces all facts and keeps the kind."""

    name: Name = ""
    facts: UnitFacts | None = None
    is_active: bool = True
