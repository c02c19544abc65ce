"""The same uploads as the IETF's draft speaks of them, without interim responses; and evidence status while they are under way."""

import base64
import hashlib
from uuid import uuid4

import pytest

from anshao_phone import Photo
from app.core.ids import new_id
from app.services.runtime import Runtime
from tests.evidence.conftest import Team
from tests.evidence.test_intake import row_of, stored_bytes
from tests.evidence.uploading import TUS, Draft, Tus, code_of, large_file, repr_digest
from tests.factories.field import photo
from tests.support.queries import recorded_queries

KIB = 1024


@pytest.fixture
def draft(team: Team) -> Draft:
    return Draft(team.phone)


def path_of(answer: object) -> str:
    location: str = answer.headers["location"]  # type: ignore[attr-defined]
    return location.removeprefix("/mobile/v1")


def test_a_file_in_one_request_is_answered_as_by_a_put(team: Team, runtime: Runtime, draft: Draft) -> None:
    file = large_file(2 * KIB * KIB)
    package = team.sent(file)
    answer = draft.create(file, package.id, file.content, "?1")
    assert (answer.status_code, answer.json()["status"]) == (201, "verified")
    assert answer.headers["upload-complete"] == "?1"
    assert stored_bytes(team.world, runtime, file.content) == file.content
    row = row_of(team.world, file.id)
    assert row is not None
    assert row["media_type"] == "video/mp4"
    again = draft.create(file, package.id, file.content, "?1")
    assert (again.status_code, again.json()) == (201, answer.json())


def test_careful_creation_appends_and_completion(team: Team, runtime: Runtime, draft: Draft) -> None:
    file = large_file(300 * KIB)
    package = team.sent(file)
    created = draft.create(file, package.id, b"", "?0")
    assert (created.status_code, created.headers["upload-complete"]) == (201, "?0")
    limits = created.headers["upload-limit"]
    assert f"max-size={512 * KIB * KIB}, min-size=1, max-age=" in limits
    assert int(limits.rpartition("=")[2]) > 13 * 24 * 3600
    path = path_of(created)
    first = draft.append(path, 0, file.content[: 100 * KIB], "?0")
    assert (first.status_code, first.headers["upload-complete"], first.headers["upload-offset"]) == (
        204, "?0", str(100 * KIB),
    )  # fmt: skip
    where = draft.head(path)
    assert where.status_code == 204
    assert (where.headers["upload-offset"], where.headers["upload-length"]) == (
        str(100 * KIB),
        str(300 * KIB),
    )
    assert (where.headers["upload-complete"], where.headers["cache-control"]) == ("?0", "no-store")
    assert "max-age=" in where.headers["upload-limit"]
    last = draft.append(path, 100 * KIB, file.content[100 * KIB :], "?1")
    assert (last.status_code, last.headers["upload-complete"], last.json()["status"]) == (
        200,
        "?1",
        "verified",
    )
    assert draft.head(path).headers["upload-complete"] == "?1"
    assert stored_bytes(team.world, runtime, file.content) == file.content


def test_the_final_answer_can_be_asked_for_again(team: Team, draft: Draft) -> None:
    """It was lost on the way; or the last bytes came with ?0 and an empty request ends the upload."""
    file = large_file(1000)
    path = path_of(draft.create(file, team.sent(file).id, b"", "?0"))
    answer = draft.append(path, 0, file.content, "?0")
    assert (answer.status_code, answer.headers["upload-complete"]) == (204, "?0")
    for _ in range(2):
        final = draft.append(path, 1000, b"", "?1")
        assert (final.status_code, final.headers["upload-complete"]) == (200, "?1")
        assert final.json()["hash"] == "sha-256:" + hashlib.sha256(file.content).hexdigest()


def test_a_creation_cut_off_is_repeated_and_goes_on(team: Team, draft: Draft) -> None:
    """Without interim responses the phone does not know the upload's address; the evidence's id finds it again."""
    file = large_file(200 * KIB)
    package = team.sent(file)
    begun = draft.create(file, package.id, file.content[: 50 * KIB], "?0")
    again = draft.create(file, package.id, file.content, "?1")
    assert (again.status_code, again.headers["upload-complete"]) == (201, "?0")
    assert path_of(again) == path_of(begun)
    assert again.headers["upload-offset"] == str(50 * KIB)
    assert draft.append(path_of(again), 50 * KIB, file.content[50 * KIB :], "?1").status_code == 200


def test_a_wrong_offset_is_the_drafts_problem(team: Team, draft: Draft) -> None:
    file = large_file(1000)
    path = path_of(draft.create(file, team.seal(file).id, file.content[:100], "?0"))
    answer = draft.append(path, 99, b"x", "?0")
    assert code_of(answer) == (409, "upload_offset")
    assert answer.json()["type"].endswith("#mismatching-upload-offset")
    assert answer.json()["expected-offset"] == 100
    assert (answer.headers["upload-offset"], answer.headers["upload-complete"]) == ("100", "?0")


def test_lengths_that_differ_are_the_drafts_problem(team: Team, draft: Draft) -> None:
    file = large_file(1000)
    package = team.seal(file)
    created = draft.create(file, package.id, file.content, "?1", Upload_Length="999")
    assert code_of(created) == (400, "inconsistent_upload_length")
    path = path_of(draft.create(file, package.id, b"", "?0"))
    for answer in (
        draft.append(path, 0, file.content[:10], "?1"),
        draft.append(path, 0, file.content[:10], "?0", Upload_Length="1001"),
    ):
        assert code_of(answer) == (400, "inconsistent_upload_length")
        assert answer.json()["type"].endswith("#inconsistent-upload-length")
    assert draft.head(path).headers["upload-offset"] == "0"


def test_a_last_request_with_fewer_bytes_than_announced_is_the_drafts_problem_and_they_count(
    team: Team, draft: Draft
) -> None:
    """Its length is not told at its beginning: it comes in chunks."""
    file, other = large_file(1000), large_file(1000)
    package = team.sent(file, other)
    path = path_of(draft.create(file, package.id, b"", "?0"))
    answer = draft.append(path, 0, iter([file.content[:300], file.content[300:600]]), "?1")
    assert code_of(answer) == (400, "inconsistent_upload_length")
    assert answer.headers["upload-complete"] == "?0"
    assert draft.head(path).headers["upload-offset"] == "600"
    assert draft.append(path, 600, iter([file.content[600:]]), "?1").status_code == 200
    short = iter([other.content[:300]])
    created = draft.create(other, package.id, short, "?1", Upload_Length="1000")  # type: ignore[arg-type]
    assert code_of(created) == (400, "inconsistent_upload_length")
    assert draft.create(other, package.id, b"", "?0").headers["upload-offset"] == "300"


def test_more_bytes_than_announced_end_the_upload_as_the_draft_wants(team: Team, draft: Draft) -> None:
    file = large_file(1000)
    path = path_of(draft.create(file, team.seal(file).id, file.content[:400], "?0"))
    assert code_of(draft.append(path, 400, file.content[400:] + b"x", "?0")) == (413, "upload_too_long")
    assert draft.head(path).headers["upload-offset"] == "400"  # its length told so before a byte was read
    answer = draft.append(path, 400, iter([file.content[400:], b"x"]), "?0")
    assert code_of(answer) == (413, "upload_too_long")
    assert draft.head(path).status_code == 404


def test_a_file_beyond_the_largest_is_413_and_told_the_limit(team: Team, draft: Draft) -> None:
    answer = draft.create(photo(), new_id(), b"", "?0", Upload_Length=str(512 * KIB * KIB + 1))
    assert code_of(answer) == (413, "upload_too_large")
    assert answer.headers["upload-limit"] == f"max-size={512 * KIB * KIB}, min-size=1"


def test_a_wrong_hash_at_the_end_is_the_files_fault_and_says_so(
    team: Team, runtime: Runtime, draft: Draft
) -> None:
    file = large_file(1000)
    package = team.sent(file)
    path = path_of(draft.create(file, package.id, b"", "?0"))
    answer = draft.append(path, 0, b"?" + file.content[1:], "?1")
    assert code_of(answer) == (422, "wrong_evidence")
    assert answer.headers["upload-complete"] == "?1"
    assert row_of(team.world, file.id) is None
    assert draft.head(path).status_code == 404


def test_a_content_digest_is_checked(team: Team, draft: Draft) -> None:
    file = large_file(1000)
    path = path_of(draft.create(file, team.seal(file).id, b"", "?0"))
    wrong = draft.append(
        path, 0, b"?" + file.content[1:500], "?0", Content_Digest=repr_digest(file.content[:500])
    )
    assert code_of(wrong) == (460, "checksum_mismatch")
    assert draft.head(path).headers["upload-offset"] == "0"
    both = f"md5=:AAAA:, sha-512=:{base64.b64encode(hashlib.sha512(file.content).digest()).decode()}:"
    assert draft.append(path, 0, file.content, "?1", Content_Digest=both).status_code == 200


@pytest.mark.parametrize(
    ("header", "value"),
    [("Upload-Complete", "true"), ("Upload-Complete", ""), ("Anshao-Evidence", "x"), ("Anshao-Package", "")],
)
def test_a_creation_that_says_too_little_is_400(team: Team, draft: Draft, header: str, value: str) -> None:
    answer = draft.create(photo(), new_id(), b"", "?0", **{header: value})
    assert code_of(answer) == (400, "upload_header")


def test_a_creation_without_length_or_hash_is_refused(team: Team, draft: Draft) -> None:
    assert code_of(draft.create(photo(), new_id(), b"", "?0", Upload_Length="x")) == (400, "upload_header")
    assert code_of(draft.create(photo(), new_id(), b"", "?0", Repr_Digest="")) == (
        422,
        "repr_digest_required",
    )


def test_the_other_media_type_is_415(team: Team, draft: Draft) -> None:
    file = large_file(10)
    path = path_of(draft.create(file, team.seal(file).id, b"", "?0"))
    answer = draft.append(path, 0, file.content, "?1", Content_Type="application/offset+octet-stream")
    assert answer.status_code == 415


def test_one_resource_speaks_both(team: Team, runtime: Runtime, draft: Draft) -> None:
    file = large_file(1000)
    package = team.sent(file)
    path = path_of(draft.create(file, package.id, file.content[:400], "?0"))
    tus = Tus(team.phone)
    assert tus.offset(path) == 400
    assert tus.append(path, 400, file.content[400:700]).status_code == 204
    shown = team.phone.request("GET", path)
    assert (shown.status_code, shown.json()["offset"], shown.json()["status"]) == (200, 700, None)
    assert draft.append(path, 700, file.content[700:], "?1").status_code == 200
    assert team.phone.request("DELETE", path).status_code == 204
    assert stored_bytes(team.world, runtime, file.content) == file.content


def standing(team: Team, *ids: object) -> list[tuple[str, int | None]]:
    answer = team.phone.request("POST", "/evidence/check", json={"ids": [str(one) for one in ids]})
    assert answer.status_code == 200, answer.text
    by_id = {row["id"]: (row["status"], row.get("offset")) for row in answer.json()}
    return [by_id[str(one)] for one in ids]


def test_status_tells_how_far_each_file_has_come(team: Team) -> None:
    tus = Tus(team.phone)
    missing, partial, verified = photo(), large_file(1000), photo()
    package = team.sent(missing, partial, verified)
    early, early_partial = photo(), large_file(1000)
    unsent = team.seal(early, early_partial)
    tus.append(tus.begin(partial, package.id), 0, partial.content[:700])
    tus.append(tus.begin(early_partial, unsent.id), 0, early_partial.content[:1])
    tus.create(verified, package.id, verified.content)
    tus.create(early, unsent.id, early.content)
    asked = (missing.id, partial.id, verified.id, early.id, early_partial.id, uuid4())
    assert standing(team, *asked) == [
        ("missing", None), ("partial", 700), ("verified", None), ("stored", None), ("partial", 1), ("unknown", None),
    ]  # fmt: skip


def test_only_the_phone_that_holds_a_file_hears_of_its_upload(team: Team) -> None:
    """Another phone, even of the same officer, could not go on with it; and a stranger's ids are answered like unknown ones."""
    file, done = large_file(1000), photo()
    package = team.seal(file, done)
    tus = Tus(team.phone)
    tus.append(tus.begin(file, package.id), 0, file.content[:700])
    tus.create(done, package.id, done.content)
    body = {"ids": [str(file.id), str(done.id), str(uuid4())]}
    colleague = team.field.phone(team.officers[1].user_id)
    answer = colleague.request("POST", "/evidence/check", json=body)
    assert [(row["status"], row.get("offset")) for row in answer.json()] == [("unknown", None)] * 3
    own_other = team.field.phone(team.officers[0].user_id)
    answer = own_other.request("POST", "/evidence/check", json=body)
    assert [row["status"] for row in answer.json()] == ["unknown", "stored", "unknown"]


def test_five_hundred_ids_are_answered_by_a_few_statements_and_no_more_are_taken(
    team: Team, runtime: Runtime
) -> None:
    ids = [str(uuid4()) for _ in range(500)]
    with recorded_queries(runtime.database) as statements:
        answer = team.phone.request("POST", "/evidence/check", json={"ids": ids})
    assert [row["id"] for row in answer.json()] == ids
    assert {row["status"] for row in answer.json()} == {"unknown"}
    assert len(statements) <= 4, statements
    too_many = team.phone.request("POST", "/evidence/check", json={"ids": [*ids, str(uuid4())]})
    assert too_many.status_code == 422


def test_an_empty_file_cannot_be_uploaded(team: Team, draft: Draft) -> None:
    empty = Photo(b"", None)
    assert code_of(draft.create(empty, new_id(), b"", "?1")) == (400, "upload_length")
    answer = team.phone.request("POST", "/uploads", headers=TUS | {"Upload-Length": "0"})
    assert answer.status_code in (400, 422)
