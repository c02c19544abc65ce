"""Every command of the guide for writers of phones does what it says, by curl and openssl alone."""

import json
import os
import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from anshao_phone import check_receipt, sha256_of
from anshao_phone.receipts import Expected, published_receipt_keys
from app.core.clock import SHANGHAI
from tests.flows.conftest import Desk

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "field-client.md").read_text(encoding="utf-8")
ENROL, RENEW, PACKAGE, FILES, SUBMISSION, UPLOAD, STATEMENTS, OUTBOX, PULL, PUSH = re.findall(
    r"```sh\n(.*?)```", GUIDE, re.DOTALL
)
TOOLS = ENROL.split("X=$(", 1)[0].replace("openssl genpkey -algorithm ed25519 -out key.pem\n", "")
VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(700_000)


class Shell:
    """A folder in which the guide's commands run, one block after the other; variables are kept in between."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.variables = {"URL": address}

    def run(self, block: str, *wanted: str) -> str:
        """What a block prints; the variables named are taken over."""
        tell = "".join(f'\nprintf "\\n@{name}=%s" "${name}"' for name in wanted)
        environment = {**os.environ, **self.variables, "no_proxy": "127.0.0.1"}
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", TOOLS + block + tell],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        self.variables |= dict(re.findall(r"^@(\w+)=(.*)$", ran.stdout, re.MULTILINE))
        return ran.stdout

    def read(self, name: str) -> Any:
        return json.loads((self.folder / name).read_bytes())


@pytest.fixture
def shell(desk: Desk, tmp_path: Path) -> Shell:
    return Shell(tmp_path, desk.address)


def enrolled(desk: Desk, shell: Shell) -> dict[str, Any]:
    """The commands up to the renewed tokens, with the administrator's part between them."""
    (officer,) = desk.get("admin", "/api/v1/users", prefix="demo.officer1")["items"]
    http = httpx.Client(base_url=desk.address, headers=desk.headers("admin"), timeout=30)
    key = {"Idempotency-Key": uuid4().hex}
    with http:
        issued = http.post("/api/v1/devices/codes", json={"user_id": officer["id"]}, headers=key)
        shell.variables["CODE"] = issued.raise_for_status().json()["code"]
        shell.run(ENROL, "THUMB")
        tokens: dict[str, Any] = shell.read("tokens.json")
        answer = http.post(
            f"/api/v1/devices/{tokens['device_id']}/confirmation",
            json={"fingerprint": shell.variables["THUMB"]},
            headers={"If-Match": '"1"', "Idempotency-Key": uuid4().hex},
        )
        assert answer.status_code == 200, answer.text
    shell.run(RENEW)
    renewed: dict[str, Any] = shell.read("tokens.json")
    assert renewed["refresh_token"] != tokens["refresh_token"]
    return renewed


def sealed(
    desk: Desk, shell: Shell, tokens: dict[str, Any], files: dict[str, tuple[str, bytes]]
) -> dict[str, Any]:
    """package.json with these files (media type and bytes by id)."""
    site = desk.get("officer1", "/api/v1/sites", limit=1)["items"][0]
    authority = desk.get("officer1", "/api/v1/authorities")["items"][0]
    now = datetime.now(SHANGHAI)
    package = {
        "schema": "anshao.package/1", "id": str(uuid4()), "kind": "inspection", "visit_id": str(uuid4()),
        "device_id": tokens["device_id"], "user_id": tokens["user_id"], "officers": [tokens["user_id"]],
        "authority_id": authority["id"], "enterprise_id": site["enterprise_id"], "site_id": site["id"],
        "legal_date": now.date().isoformat(), "times": {"started_at": now.isoformat(), "sealed_at": now.isoformat()},
        "template": published_checklist(desk), "answers": {},
        "party": {"outcome": "signed", "text_hash": sha256_of(b"shown")},
        "evidence": [
            {"id": one, "hash": sha256_of(content), "size": len(content), "media_type": kind}
            for one, (kind, content) in files.items()
        ],
    }  # fmt: skip
    (shell.folder / "package.json").write_text(json.dumps(package, ensure_ascii=False))
    return package


def published_checklist(desk: Desk) -> dict[str, Any]:
    listed = desk.get("officer1", "/api/v1/checklists", status="published", limit=200)["items"]
    row = next(one for one in listed if one["code"] == "rto")
    return {"code": "rto", "version": row["number"], "hash": row["content_hash"]}


def test_the_guides_commands_earn_a_receipt_that_verifies(desk: Desk, shell: Shell) -> None:
    tokens = enrolled(desk, shell)
    photo, video = str(uuid4()), str(uuid4())
    contents = {photo: ("image/jpeg", b"\xff\xd8\xff\xe0" + os.urandom(2000)), video: ("video/mp4", VIDEO)}
    package = sealed(desk, shell, tokens, contents)
    shell.variables["PACKAGE"] = package["id"]
    answer = json.loads(shell.run(PACKAGE, "ACCESS", "SUM").split("\n@", 1)[0])
    assert (answer["hash"], set(answer["missing_evidence"])) == (shell.variables["SUM"], {photo, video})
    upload(shell, video)
    (shell.folder / "photo.jpg").write_bytes(contents[photo][1])
    shell.variables["FILE"] = photo
    assert '"verified"' in shell.run(FILES)
    expected = {one: (sha256_of(content), len(content), True) for one, (_, content) in contents.items()}
    held = Expected(package["id"], answer["hash"], tokens["device_id"], expected)
    keys = published_receipt_keys(shell.read("keys.json"))
    assert check_receipt((shell.folder / "receipt.json").read_bytes(), held, keys).number == 1
    page = json.loads(shell.run(PULL.splitlines()[0].split("   #")[0]))
    shell.variables["CURSOR"] = page["checkpoint"]["cursor"]
    assert json.loads(shell.run(PULL.splitlines()[1]))["documents"] == []


def test_the_guides_statements_and_its_other_ways_of_sending_do_what_they_say(
    desk: Desk, shell: Shell
) -> None:
    """One request with a file, the other one stated lost; the officer's signature; what is held; the same package pushed."""
    tokens = enrolled(desk, shell)
    photo, lost = str(uuid4()), str(uuid4())
    contents = {one: ("image/jpeg", b"\xff\xd8\xff\xe0" + os.urandom(2000)) for one in (photo, lost)}
    package = sealed(desk, shell, tokens, contents)
    (shell.folder / "photo.jpg").write_bytes(contents[photo][1])
    shell.variables |= {
        "PACKAGE": package["id"], "FILE": photo, "LOST": lost, "SUM_OF_LOST": sha256_of(contents[lost][1]),
        "TEXT_HASH": sha256_of(b"shown"), "ACCESS": tokens["access_token"], "KEY_ID": tokens["key_id"],
        "SUM": sha256_of((shell.folder / "package.json").read_bytes()),
    }  # fmt: skip
    answer = json.loads(shell.run(SUBMISSION))
    assert [(one["part"], one["status"]) for one in answer["files"]] == [(photo, "verified")]
    assert (answer["missing_evidence"], answer["signed_receipt"]) == ([lost], None)
    withdraw, sign = re.split(r"\n(?=curl [^\n]*/signatures)", STATEMENTS)
    assert '"withdrawn"' in shell.run(withdraw, "AT")
    (officer,) = json.loads(shell.run(sign))
    assert (officer["user_id"], officer["status"]) == (tokens["user_id"], "signed")
    assert json.loads(shell.run(OUTBOX))["files"] == 11
    (pushed,) = json.loads(shell.run(PUSH))
    assert (pushed["status"], pushed["receipt"], pushed["problem"]) == ("processed", True, None)
    assert (pushed["id"], pushed["hash"]) == (package["id"], shell.variables["SUM"])


def upload(shell: Shell, video: str) -> None:
    """The guide's three requests, the last as often as it takes."""
    create, ask, append = re.split(r"\n(?=curl -sS -I|head -c)", UPLOAD)
    (shell.folder / "video.mp4").write_bytes(VIDEO)
    shell.variables |= {"FILE": video, "SUM_OF_FILE": sha256_of(VIDEO), "OFFSET": "0"}
    begun = shell.run(create)
    shell.variables["LOCATION"] = header(begun, "location")
    answer = shell.run(ask)
    while header(answer, "upload-offset") != str(len(VIDEO)):
        shell.variables["OFFSET"] = header(answer, "upload-offset")
        answer = shell.run(append)
    assert header(answer, "anshao-evidence-status") == "verified"


def header(printed: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*?)\r?$", printed, re.MULTILINE | re.IGNORECASE)
    assert found is not None, printed
    return found.group(1)
