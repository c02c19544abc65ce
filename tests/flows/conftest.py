"""One demonstration for all stories of a run: told to its end, then told again and left serving."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.processes import Installation

STORY_SECONDS = 500


class Desk:
    """The API as somebody logged in with the demonstration's accounts sees it."""

    def __init__(self, installation: Installation, address: str, accounts: dict[str, str]) -> None:
        self.installation = installation
        self.address = address
        self.accounts = accounts
        self._tokens: dict[str, str] = {}

    def get(self, who: str, path: str, **params: Any) -> Any:
        answer = httpx.get(f"{self.address}{path}", params=params, headers=self.headers(who), timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def headers(self, who: str) -> dict[str, str]:
        login = f"demo.{who}"
        if login not in self._tokens:
            body = {"login": login, "password": self.accounts[login]}
            answer = httpx.post(f"{self.address}/api/v1/session/login", json=body, timeout=30)
            assert answer.status_code == 201, answer.text
            self._tokens[login] = answer.json()["access_token"]
        return {"Authorization": f"Bearer {self._tokens[login]}"}

    def all(self, who: str, path: str, **params: Any) -> list[dict[str, Any]]:
        """Every row of a list."""
        rows: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get(who, f"/api/v1{path}", limit=100, **params, **cursor)
            rows += page["items"]
            if page["next_cursor"] is None:
                return rows
            cursor = {"cursor": page["next_cursor"]}


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The served demonstration; when all is asked, it is stopped and what it leaves is looked at."""
    installation = Installation(tmp_path_factory.mktemp("demo"))
    first = installation.run("demo", "--no-serve", seconds=STORY_SECONDS)
    assert first.returncode == 0, first.stdout + first.stderr
    accounts = installation.folder / "cwd" / "accounts.json"
    with installation.demonstrating(accounts, STORY_SECONDS) as served:
        given = json.loads(accounts.read_text())
        assert accounts.stat().st_mode & 0o077 == 0
        yield Desk(installation, served.address, given)
        assert served.stop() == 0
    _check_afterwards(installation, served.log.read_text(), given)


def _check_afterwards(installation: Installation, shown: str, accounts: dict[str, str]) -> None:
    audit = installation.run("verify", "audit")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    log = (installation.folder / "data" / "demo.log").read_text()
    for login, password in accounts.items():
        assert shown.count(password) == 1, f"the password of {login} is shown once"
        assert password not in log
    assert installation.postgres_processes() == []
