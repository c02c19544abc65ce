"""Each oddity is one flag; a sound package has none."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.core.clock import shanghai_date
from app.core.ids import new_id
from app.schemas.mobile.packages import Envelope
from app.services.inspections.judgement import (
    KnownAssignment,
    Surroundings,
    judge_evidence,
    judge_surroundings,
    signable,
)
from tests.factories.envelopes import SHA, envelope_document

RECEIVED = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def judged(document: dict[str, Any], **changes: Any) -> list[str]:
    envelope = Envelope.model_validate(document)
    known: dict[str, Any] = {
        "received_at": RECEIVED,
        "certified_officers": set(envelope.officers),
        "authority_covers_site": True,
        "is_sites_enterprise": True,
        "is_sites_unit": True,
        "assignment": None,
        "template_withdrawn": False,
    }
    return [issue["code"] for issue in judge_surroundings(envelope, Surroundings(**{**known, **changes}))]


def test_a_sound_package_has_no_flags() -> None:
    assert judged(envelope_document()) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"position": None}, "position_missing"),
        ({"position": {"latitude": 0, "longitude": 0, "datum": "wgs84"}}, "position_zero"),
        ({"position": {"latitude": 1, "longitude": 1, "datum": "wgs84", "mock": True}}, "position_mocked"),
        ({"times": {"started_at": "2026-11-24T11:00:00+08:00", "sealed_at": "2026-11-24T10:59:59+08:00"}},
         "started_after_sealing"),
        ({"times": {"started_at": "2026-11-24T10:00:00+08:00", "sealed_at": "2026-11-24T11:10:01+08:00"}},
         "sealed_in_the_future"),
        ({"times": {"started_at": "2026-11-23T09:59:59+08:00", "sealed_at": "2026-11-24T10:00:00+08:00"}},
         "absurd_duration"),
        ({"legal_date": "2026-11-25"}, "legal_date_outside_window"),
        ({"assignment_id": str(new_id())}, "assignment_unknown"),
    ],
)  # fmt: skip
def test_each_oddity_is_its_own_flag(changes: dict[str, Any], code: str) -> None:
    assert judged(envelope_document(**changes)) == [code]


def test_a_clock_ten_minutes_ahead_is_tolerated() -> None:
    times = {"started_at": "2026-11-24T10:00:00+08:00", "sealed_at": "2026-11-24T11:10:00+08:00"}
    assert judged(envelope_document(times=times)) == []


def test_a_legal_date_before_the_last_server_contact_is_flagged() -> None:
    times = {**envelope_document()["times"], "last_server_contact_at": "2026-11-24T00:00:01+08:00"}
    assert judged(envelope_document(times=times, legal_date="2026-11-23")) == ["legal_date_outside_window"]
    assert judged(envelope_document(times=times, legal_date="2026-11-24")) == []


@pytest.mark.parametrize(
    ("first", "last", "flagged"), [(25, 26, True), (24, 26, False), (22, 24, False), (22, 23, True)]
)
def test_an_assignment_counts_from_its_first_to_its_last_day(first: int, last: int, flagged: bool) -> None:
    document = envelope_document(assignment_id=str(new_id()))
    envelope = Envelope.model_validate(document)
    period = date(2026, 11, first), date(2026, 11, last)
    assignment = KnownAssignment(envelope.site_id, *period, set(envelope.officers), is_cancelled=False)
    assert judged(document, assignment=assignment) == (["assignment_not_current"] if flagged else [])


def test_an_officer_outside_the_team_and_another_site_are_flagged() -> None:
    document = envelope_document(assignment_id=str(new_id()))
    assignment = KnownAssignment(new_id(), date(2026, 11, 1), date(2026, 11, 30), set(), is_cancelled=False)
    assert judged(document, assignment=assignment) == ["assignment_other_site", "officer_not_in_team"]


def test_two_certified_officers_with_the_sender_among_them_can_sign() -> None:
    envelope = Envelope.model_validate(envelope_document())
    first, second = envelope.officers
    assert signable(envelope, {first, second}, RECEIVED)
    assert not signable(envelope, {first}, RECEIVED)
    assert not signable(envelope.model_copy(update={"officers": [first, first]}), {first}, RECEIVED)
    assert not signable(envelope.model_copy(update={"user_id": new_id()}), {first, second}, RECEIVED)


def test_a_date_that_cannot_be_true_is_never_signable() -> None:
    """A phone that dates its visit back would make an expired certificate valid again."""
    first, second = new_id(), new_id()
    contact = RECEIVED - timedelta(days=3)
    document = envelope_document(officers=[str(first), str(second)], user_id=first)
    document["times"] = {**document["times"], "last_server_contact_at": contact.isoformat()}
    for days, expected in ((-4, False), (-3, True), (0, True), (1, False)):
        document["legal_date"] = (shanghai_date(RECEIVED) + timedelta(days=days)).isoformat()
        envelope = Envelope.model_validate(document)
        assert signable(envelope, {first, second}, RECEIVED) is expected, days


def test_a_file_declared_twice_is_flagged() -> None:
    row = {"id": str(new_id()), "hash": SHA, "size": 1, "media_type": "image/jpeg"}
    again = {**row, "id": str(new_id())}
    envelope = Envelope.model_validate(envelope_document(evidence=[row, row, again]))
    assert [issue["code"] for issue in judge_evidence(envelope)] == [
        "evidence_id_repeated",
        "evidence_repeated",
    ]
