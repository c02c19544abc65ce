"""A small city of its own for one test: regions, a bureau, people with roles, and clients logged in as them."""

import secrets
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from fastapi.testclient import TestClient
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.core.ids import new_id
from app.models.identity import LoginSession, OfficerCertificate, RoleGrant, User
from app.models.organizations import Authority, Jurisdiction, Region
from app.services.identity.tokens import issue_access_token
from app.services.runtime import Runtime

LONG_AGO = date(2020, 1, 1)


class Person:
    """A user logged in through a session of its own; `get`, `post`, ... call the API as that user."""

    def __init__(self, client: TestClient, user_id: UUID, session_id: UUID, token: str) -> None:
        self._client = client
        self.user_id = user_id
        self.session_id = session_id
        self.token = token

    def request(self, method: str, path: str, *, version: int | None = None, **options: Any) -> Any:
        """Send a request; POSTs carry a fresh Idempotency-Key, `version` becomes If-Match."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        if method == "POST":
            headers.setdefault("Idempotency-Key", secrets.token_hex(8))
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return self._client.request(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Any:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Any:
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Any:
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Any:
        return self.request("DELETE", path, **options)


class World:
    """city > (district > (town, neighbour_town), other_district > other_town); a bureau over the city."""

    def __init__(self, client: TestClient, runtime: Runtime, in_database: Callable[..., Any]) -> None:
        self.client = client
        self.runtime = runtime
        self.in_database = in_database
        self.code = secrets.token_hex(4)
        self.city, self.district, self.town, self.neighbour_town, self.other_district, self.other_town = (
            new_id() for _ in range(6)
        )
        self.authority = new_id()
        in_database(self._build)

    async def _build(self, session: AsyncSession) -> None:
        code = self.code
        rows = [
            (self.city, f"{code}", "安市", "city", None, f"/{code}/"),
            (self.district, f"{code}01", "东区", "district", self.city, f"/{code}/{code}01/"),
            (self.town, f"{code}0101", "东镇", "town", self.district, f"/{code}/{code}01/{code}0101/"),
            (
                self.neighbour_town,
                f"{code}0102",
                "北镇",
                "town",
                self.district,
                f"/{code}/{code}01/{code}0102/",
            ),
            (self.other_district, f"{code}02", "西区", "district", self.city, f"/{code}/{code}02/"),
            (
                self.other_town,
                f"{code}0201",
                "西镇",
                "town",
                self.other_district,
                f"/{code}/{code}02/{code}0201/",
            ),
        ]
        for identifier, region_code, name, level, parent, path in rows:
            session.add(
                Region(
                    id=identifier, code=region_code, name=name, level=level, parent_id=parent, path=path,
                    valid_from=LONG_AGO,
                )
            )  # fmt: skip
            await session.flush()
        session.add(
            Authority(
                id=self.authority, code=code, name="安市应急管理局", document_word="安应急", region_id=self.city,
                valid_from=LONG_AGO,
            )
        )  # fmt: skip
        await session.flush()
        session.add(Jurisdiction(authority_id=self.authority, region_id=self.city, valid_from=LONG_AGO))

    def person(
        self,
        *roles: str,
        region: UUID | None = None,
        certificate: bool | tuple[date, date] | None = None,
        authority: UUID | None = None,
    ) -> Person:
        """A new user of the bureau, or of `authority`, holding `roles` in `region` (the city unless told). Inspectors get a valid
        certificate unless told."""
        place = region or self.city
        user_id = new_id()
        if certificate is None:
            certificate = "inspector" in roles

        async def make(session: AsyncSession) -> None:
            session.add(
                User(
                    id=user_id, login=f"u{user_id.hex}", name="王小安", authority_id=authority or self.authority, region_id=place
                )
            )  # fmt: skip
            await session.flush()
            for role in roles:
                session.add(RoleGrant(user_id=user_id, role=role, region_id=place, starts_on=LONG_AGO))
            if certificate:
                first, last = (
                    certificate if isinstance(certificate, tuple) else (LONG_AGO, date(2099, 12, 31))
                )
                session.add(
                    OfficerCertificate(
                        user_id=user_id, number=f"C{user_id.hex}", valid_from=first, valid_until=last
                    )
                )

        self.in_database(make)
        return self.logged_in(user_id)

    def logged_in(self, user_id: UUID, device_id: UUID | None = None) -> Person:
        """A further login session of a user, of a phone when a device is given."""
        session_id = new_id()

        async def make(session: AsyncSession) -> None:
            session.add(
                LoginSession(
                    id=session_id, user_id=user_id, device_id=device_id, expires_at=utc_now() + timedelta(hours=1)
                )
            )  # fmt: skip

        self.in_database(make)
        token = issue_access_token(self.runtime.keys, minutes=60, session_id=session_id)
        return Person(self.client, user_id, session_id, token)
