"""The client writes the protocol's bytes as the server reads them, and decides about every answer as the guide says."""

import ast
import random
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import httpx
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from anshao_phone import protocol
from anshao_phone.answers import OF_THE_ITEM, NoNetwork, Step, read_answer, step_of
from anshao_phone.keys import SoftwareKey, fingerprint_of
from anshao_phone.pace import Pace, retry_after
from anshao_phone.protocol import Outcome, canonical, hazard_result, new_id
from app.enums.hazards import ReinspectionOutcome
from app.schemas.mobile.packages import HazardResult
from app.services.evidence.statements import withdrawal_message
from app.services.hazards.workflow import outcome_of
from app.services.identity.devices import enrollment_message, refresh_message
from app.services.identity.signatures import signature_verifies, thumbprint_of
from app.services.inspections.sealing import package_message, signature_message
from tests.clients.test_answers import every_problem

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients" / "python"

LEAVES = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii")), inner),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_canonical_json_is_that_of_rfc_8785(document: Any) -> None:
    assert canonical(document) == rfc8785.dumps(document)


@pytest.mark.parametrize("document", [1.5, {"键": 1}, [2**53], {"a": {"b": 0.0}}])
def test_what_not_every_reader_writes_alike_is_no_receipt(document: Any) -> None:
    with pytest.raises(ValueError, match=r"writes alike|ASCII"):
        canonical(document)


def test_what_the_phone_signs_is_what_the_server_verifies() -> None:
    package, file, digest = UUID(int=1), UUID(int=2), "sha-256:" + "0" * 64
    assert protocol.enrollment_message("CODE", "x") == enrollment_message("CODE", "x")
    assert protocol.refresh_message("t", "2026-11-25T00:00:00Z") == refresh_message(
        "t", "2026-11-25T00:00:00Z"
    )
    assert protocol.package_message(digest) == package_message(digest)
    assert protocol.signature_message(digest, digest) == signature_message(digest, digest)
    message = protocol.withdrawal_message(package, file, digest, "at", "理由")
    assert message == withdrawal_message(package, file, digest, "at", "理由")
    key = SoftwareKey()
    assert fingerprint_of(key.public_jwk) == thumbprint_of(key.public_jwk)
    assert signature_verifies(key.public_jwk, b"message", key.sign(b"message"))


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_what_the_phone_says_of_a_hazard_is_what_the_server_reads(outcome: Outcome) -> None:
    assert set(get_args(Outcome)) == {*ReinspectionOutcome}
    after = new_id()
    read = HazardResult.model_validate(
        hazard_result(str(new_id()), outcome, note="现场", evidence_ids=[after])
    )
    assert outcome_of(read.is_rectified, read.outcome) == outcome
    assert (read.note, read.evidence_ids) == ("现场", [after])


def test_a_key_in_a_file_is_the_same_one_ever_after(tmp_path: Path) -> None:
    key = SoftwareKey.kept_in(tmp_path / "key.pem")
    assert SoftwareKey.kept_in(tmp_path / "key.pem").public_jwk == key.public_jwk
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0


def test_the_client_knows_nothing_of_the_server(tmp_path: Path) -> None:
    imported = set()
    for path in CLIENT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
            elif isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
    assert imported <= set(sys.stdlib_module_names) | {"anshao_phone", "httpx", "cryptography"}
    script = (
        f"import sys; sys.path.insert(0, {str(CLIENT)!r}); import anshao_phone; print('app' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"


def respond(status: int, content: bytes, kind: str | None, **headers: str) -> httpx.Response:
    return httpx.Response(
        status, content=content, headers={**({"content-type": kind} if kind else {}), **headers}
    )


@pytest.mark.parametrize(
    "response",
    [
        respond(200, b"<html>", "text/html"),
        respond(200, b"<html>", "application/json"),
        respond(204, b"", None),
        respond(302, b"", "text/html", location="http://portal/"),
        respond(401, b"<html>", "text/html"),
        respond(403, b"{}", "application/json"),
        respond(404, b"{}", "application/problem+json"),
        respond(502, b"Bad Gateway", "text/plain"),
        respond(503, b'{"code": "x", "retry": "after"}', "application/json"),
        respond(511, b"Network Authentication Required", "text/html"),
    ],
)
def test_who_is_not_the_service_is_no_network(response: httpx.Response) -> None:
    with pytest.raises(NoNetwork):
        read_answer(response)


def test_a_gateway_may_ask_to_wait() -> None:
    with pytest.raises(NoNetwork) as caught:
        read_answer(respond(503, b"busy", "text/plain", **{"retry-after": "40"}))
    assert caught.value.seconds == 40


def test_every_refusal_of_the_service_has_a_step_and_none_is_taken_for_success() -> None:
    for kind in every_problem():
        step = step_of(kind.status, kind.code, kind.retry)
        assert step is not Step.DONE
        if kind.status in (409, 422) and kind.retry in ("manual", "never"):
            assert step is Step.ASIDE, kind.code
        if kind.status in (429, 503) and kind.retry == "after":
            assert step is OF_THE_ITEM.get(kind.code, Step.WAIT), kind.code


def test_waiting_grows_is_spread_and_never_undercuts_retry_after() -> None:
    pace = Pace(random.Random(7), first=1, longest=60)
    waits = [pace.failed(now=0.0) for _ in range(40)]
    assert max(waits[:3]) <= 4
    assert 30 < max(waits[20:]) <= 60
    assert len(set(waits)) == len(waits)
    assert pace.failed(now=100.0, at_least=90) >= 90
    assert pace.not_before >= 190
    pace.succeeded()
    assert pace.failed(now=0.0) <= 1


def test_retry_after_as_a_date_is_counted_from_the_servers_own() -> None:
    headers = httpx.Headers(
        {"retry-after": "Wed, 25 Nov 2026 10:00:30 GMT", "date": "Wed, 25 Nov 2026 10:00:00 GMT"}
    )
    assert retry_after(headers) == 30
    assert retry_after(httpx.Headers({"retry-after": "soon"})) is None
    assert retry_after(httpx.Headers()) is None
