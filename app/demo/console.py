"""A person at the console, as a browser would act for them: logged in by password, one key an attempt, versions said back."""

import secrets
from typing import Any

import httpx


class StoryFailed(RuntimeError):
    """The chain did not hold; the message says where."""


class Person:
    """Somebody with an account; `password` is random and shown once, at the end."""

    def __init__(self, http: httpx.Client, login: str, name: str, password: str) -> None:
        self.http = http
        self.login = login
        self.name = name
        self.password = password
        self.id = ""
        self._token = ""

    def log_in(self) -> None:
        """Open a session."""
        body = {"login": self.login, "password": self.password}
        answer = self.http.post("/api/v1/session/login", json=body)
        expect(answer, f"{self.login} logs in")
        self._token = answer.json()["access_token"]
        self.id = self.get("/session")["user_id"]

    def choose_password(self) -> None:
        """Replace the initial password by one of one's own; the session goes on."""
        new = new_password()
        self.send("POST", "/session/password", json={"current": self.password, "new": new})
        self.password = new

    def get(self, path: str, **params: Any) -> Any:
        """Read."""
        return self.send("GET", path, params=params)

    def post(self, path: str, body: dict[str, Any], version: int | None = None) -> Any:
        """Create, or take a step from the version that was read."""
        return self.send("POST", path, json=body, version=version)

    def send(self, method: str, path: str, *, version: int | None = None, **options: Any) -> Any:
        """Call the console API; raises StoryFailed for every refusal. None where there is no content."""
        headers = {"Authorization": f"Bearer {self._token}"}
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(16)
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        answer = self.http.request(method, f"/api/v1{path}", headers=headers, **options)
        expect(answer, f"{self.login} {method} {path}")
        return answer.json() if answer.content else None


def expect(answer: httpx.Response, what: str) -> None:
    """Raise StoryFailed unless the answer is a success."""
    if answer.status_code >= 400:
        raise StoryFailed(f"{what}: {answer.status_code} {answer.text}")


def new_password() -> str:
    """A password that nobody has to remember for long."""
    return secrets.token_urlsafe(12)
