"""What a phone asks and states: where its files stand, and which are lost."""

from uuid import UUID

from anshao_phone import Device, sha256_of
from app.core.ids import new_id
from app.services.evidence.statements import withdrawal_message
from app.services.identity.signatures import signature_verifies
from tests.evidence.conftest import Team
from tests.factories.field import photo


def standing(phone: Device, *ids: UUID) -> list[str]:
    answer = phone.request("POST", "/evidence/check", json={"ids": [str(one) for one in ids]})
    assert answer.status_code == 200, answer.text
    return [row["status"] for row in answer.json()]


def test_a_phone_learns_where_each_of_its_own_files_stands(team: Team) -> None:
    verified, missing, lost, early = (photo() for _ in range(4))
    package = team.sent(verified, missing, lost)
    team.phone.put_photo(package, verified)
    assert team.phone.withdraw(package, lost, "手机进水").status_code == 200
    team.phone.put_photo(team.seal(early), early)
    ids = [missing.id, verified.id, lost.id, early.id, new_id()]
    assert standing(team.phone, *ids) == ["missing", "verified", "withdrawn", "stored", "unknown"]


def test_foreign_and_unknown_files_answer_alike(team: Team) -> None:
    verified, early = photo(), photo()
    team.phone.put_photo(team.sent(verified), verified)
    team.phone.put_photo(team.seal(early), early)
    colleague = team.field.phone(team.officers[1].user_id)
    assert standing(colleague, verified.id, early.id, new_id()) == ["unknown"] * 3
    assert standing(team.field.phone(team.officers[0].user_id, "second"), verified.id) == ["verified"]


def test_up_to_500_files_are_asked_about_at_once(team: Team) -> None:
    assert len(standing(team.phone, *(new_id() for _ in range(500)))) == 500
    too_many = [str(new_id()) for _ in range(501)]
    assert team.phone.request("POST", "/evidence/check", json={"ids": too_many}).status_code == 422
    assert team.phone.request("POST", "/evidence/check", json={"ids": []}).status_code == 422


def test_a_withdrawn_file_completes_the_receipt_and_is_listed_in_it(team: Team) -> None:
    kept, lost = photo(), photo()
    package = team.sent(kept, lost)
    team.phone.put_photo(package, kept)
    assert team.phone.receipt(package.id) is None
    first = team.phone.withdraw(package, lost, "存储卡损坏")
    assert (first.status_code, first.json()) == (200, {"id": str(lost.id), "status": "withdrawn"})
    receipt = team.phone.receipt(package.id)
    assert receipt is not None
    listed = {row["id"]: row["status"] for row in receipt["receipt"]["evidence"]}
    assert listed == {str(kept.id): "verified", str(lost.id): "withdrawn"}
    assert team.phone.withdraw(package, lost, "存储卡损坏").status_code == 200
    assert team.phone.receipt(package.id) == receipt


def test_a_withdrawal_needs_the_signature_of_the_phone_that_declared_the_file(team: Team) -> None:
    lost = photo()
    package = team.sent(lost)
    own_key, team.phone.key = team.phone.key, team.field.phone(team.officers[1].user_id).key
    forged = team.phone.withdraw(package, lost, "丢失")
    assert (forged.status_code, forged.json()["code"]) == (422, "wrong_withdrawal_signature")
    team.phone.key = own_key
    colleague = team.field.phone(team.officers[1].user_id)
    assert colleague.withdraw(package, lost, "丢失").status_code == 404
    assert team.phone.withdraw(package, photo(), "丢失").status_code == 404
    assert standing(team.phone, lost.id) == ["missing"]


def test_what_is_stored_cannot_be_withdrawn(team: Team) -> None:
    one = photo()
    package = team.sent(one)
    team.phone.put_photo(package, one)
    answer = team.phone.withdraw(package, one, "丢失")
    assert (answer.status_code, answer.json()["code"]) == (409, "evidence_already_stored")


def test_a_withdrawn_file_that_turns_up_is_kept_and_stays_listed_as_withdrawn(team: Team) -> None:
    lost = photo()
    package = team.sent(lost)
    team.phone.withdraw(package, lost, "丢失")
    found_again = team.phone.put_photo(package, lost)
    assert (found_again.status_code, found_again.json()["status"]) == (201, "withdrawn")
    assert standing(team.phone, lost.id) == ["withdrawn"]


def test_the_kept_statement_verifies_again(team: Team) -> None:
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import AsyncSession

    lost = photo()
    package = team.sent(lost)
    team.phone.withdraw(package, lost, "电池鼓包，照片丢失")

    async def find(session: AsyncSession) -> dict[str, str]:
        wanted = text("SELECT withdrawal FROM evidence_declarations WHERE id = :id")
        return (await session.execute(wanted, {"id": lost.id})).scalar_one()  # type: ignore[no-any-return]

    kept = team.world.in_database(find)
    message = withdrawal_message(package.id, lost.id, sha256_of(lost.content), kept["at"], kept["reason"])
    assert signature_verifies(team.phone.public_jwk, message, kept["signature"])
