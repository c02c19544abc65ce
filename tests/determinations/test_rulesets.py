"""New rules by an editor's flow: drafted with test cases, published by a second person, in force from a day, never changed."""

import asyncio
import copy
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import Settings
from app.core.actor import SYSTEM
from app.core.clock import SHANGHAI, shanghai_today, standing_at
from app.core.ids import new_id
from app.enums.determinations import RulesetStatus
from app.enums.identity import Role
from app.models.history import AuditEntry, Change
from app.models.rulesets import RulesetStep, RulesetVersion
from app.services.determinations import holding, ruleset_drafting, ruleset_publishing, ruleset_reading
from app.services.determinations.content import hold, rulesets, shipped_documents, shipped_rulesets
from app.services.determinations.holding import (
    NameShipped,
    RulesTampered,
    hold_published,
    list_unusable,
    published_held,
)
from app.services.determinations.recheck import recheck_visits
from app.services.determinations.ruleset_content import OWN_NAME, check_content
from app.services.determinations.ruleset_repository import lock_ruleset, newest_before
from app.services.determinations.ruleset_workflow import (
    INITIAL,
    STATES,
    TRANSITIONS,
    earliest_day,
    is_allowed,
    is_revocable,
    is_second_person,
)
from app.services.identity.policy import PERMISSIONS, actions_of
from app.services.runtime import Runtime
from tests.determinations.making import NO_ALARM, Visit, answers
from tests.factories.world import Person, World
from tests.support.queries import recorded_queries

PATH = "/api/v1/rulesets"
CLAUSE = "MEM10-7-5"
ALARM = "main_pressure_alarm"
SOURCE = {"zh": "安应急〔2026〕12号", "en": "Notice 2026-12"}
GAS = {"gas_fuel": True, "interlock_esd": True, "flame_monitor": True, "flameout_protection": True}
CASES = [
    {"clause": CLAUSE, "facts": {**GAS, "interlock_esd": False}, "expected": "suspected_major"},
    {"clause": CLAUSE, "facts": GAS, "expected": "not_matched"},
    {"clause": CLAUSE, "facts": {"gas_fuel": True}, "expected": "undetermined"},
]
TABLE = {
    "draft": {"change": "draft", "withdraw": "withdrawn", "publish": "published"},
    "published": {"revoke": "revoked"},
    "withdrawn": {},
    "revoked": {},
}
DOORS = {"withdraw": "withdrawal", "publish": "publication", "revoke": "revocation"}


class Desk:
    """A legal reviewer who writes rules and a person in charge who publishes them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.editor = world.person("legal_reviewer")
        self.chief = world.person("approver")
        self.published: list[dict[str, Any]] = []

    @property
    def first_day(self) -> Any:
        """The first day on which a version published today can take effect."""
        newest = self.world.in_database(lambda session: newest_before(session, "MEM10"))
        return max(earliest_day(shanghai_today()), newest.in_force_from + timedelta(days=1))

    def start(self, **changes: Any) -> Any:
        body = {
            "ruleset": "MEM10", "version": f"t{secrets.token_hex(5)}", "in_force_from": str(self.first_day),
            "source": SOURCE, **changes,
        }  # fmt: skip
        return self.editor.post(PATH, json=body)

    def draft(self, **changes: Any) -> dict[str, Any]:
        """A draft as the newest version is, read with its content."""
        answer = self.start(**changes)
        assert answer.status_code == 201, answer.text
        return self.shown(answer.json()["id"])

    def shown(self, version_id: str, who: Person | None = None) -> dict[str, Any]:
        answer = (who or self.editor).get(f"{PATH}/{version_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def put(self, draft: dict[str, Any], who: Person | None = None, **changes: Any) -> Any:
        body = {"content": draft["content"], "cases": draft["cases"], **changes}
        return (who or self.editor).put(f"{PATH}/{draft['id']}", json=body, version=draft["version"])

    def without_alarm(self, cases: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
        """A draft by which a missing pressure alarm is no ground any more."""
        draft = self.draft(**changes)
        answer = self.put(
            draft, content=alarm_removed(draft["content"]), cases=CASES if cases is None else cases
        )
        assert answer.status_code == 200, answer.text
        return self.shown(draft["id"])

    def step(self, who: Person, draft: dict[str, Any], action: str) -> Any:
        body = {} if action == "publish" else {"json": {"reason": "情况属实"}}
        return who.post(f"{PATH}/{draft['id']}/{DOORS[action]}", version=draft["version"], **body)

    def publish(self, draft: dict[str, Any]) -> dict[str, Any]:
        """Published, and held by the process, as it would be within a minute."""
        answer = self.step(self.chief, draft, "publish")
        assert answer.status_code == 200, answer.text
        self.published.append(answer.json())
        self.world.in_database(hold_published)
        return dict(answer.json())

    def clear(self) -> None:
        """Revoke what was published here, the newest first: other tests are judged by what ships."""
        for version in reversed(self.published):
            answer = self.step(self.chief, version, "revoke")
            assert answer.status_code == 200 or answer.json()["code"] == "ruleset_state", answer.text
        self.world.in_database(hold_published)


def alarm_removed(content: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(content)
    clause = clause_of(changed)
    clause["major_when"] = "gas_fuel and (not interlock_esd or not (flame_monitor and flameout_protection))"
    del clause["facts"][ALARM]
    asked = changed["questions"][CLAUSE]
    changed["questions"][CLAUSE] = [one for one in asked if not one["key"].endswith(ALARM)]
    return changed


def clause_of(content: dict[str, Any], clause_id: str = CLAUSE) -> dict[str, Any]:
    clauses = (clause for article in content["articles"] for clause in article["clauses"])
    return next(clause for clause in clauses if clause["id"] == clause_id)


@pytest.fixture
def desk(world: World) -> Iterator[Desk]:
    made = Desk(world)
    yield made
    made.clear()


def said(visit: Visit) -> set[tuple[str, str | None]]:
    return {(one["kind"], one["clause_id"]) for one in visit.verdicts()}


def names_held() -> set[str]:
    return {one.name for one in rulesets()}


# --- drafts


def test_a_draft_begins_as_the_newest_version_with_its_own_name_day_and_source(desk: Desk) -> None:
    draft = desk.draft(version=f"B2027-{secrets.token_hex(4)}")
    (shipped,) = shipped_documents()
    assert (draft["status"], draft["base"], draft["changes"], draft["cases"]) == ("draft", "2023", [], [])
    assert draft["source"] == draft["content"]["head"]["source"] == SOURCE
    assert clause_of(draft["content"])["major_when"] == clause_of(shipped)["major_when"]
    (rules,) = shipped_rulesets()
    copied = check_content(draft["content"], [])
    assert (copied.clauses, list(copied.clauses), copied.trades) == (
        rules.clauses, list(rules.clauses), rules.trades,
    )  # fmt: skip
    assert draft["content"]["questions"] == shipped["questions"]
    assert draft["head_changes"] == []
    assert [one["action"] for one in draft["steps"]] == ["start"]


def test_a_standard_whose_rules_are_not_held_has_no_versions_to_come(desk: Desk) -> None:
    answer = desk.start(ruleset="AQ3067")
    assert (answer.status_code, answer.json()["code"], answer.json()["held"]) == (
        422,
        "ruleset_not_held",
        "MEM10",
    )


def test_a_name_that_verdicts_bear_is_not_given_again(desk: Desk) -> None:
    assert desk.start(version="2023").json()["code"] == "ruleset_version_taken"
    version = desk.publish(desk.without_alarm())
    assert desk.start(version=version["name"]).json()["code"] == "ruleset_version_taken"
    assert desk.step(desk.chief, version, "revoke").status_code == 200
    assert desk.start(version=version["name"]).json()["code"] == "ruleset_version_taken"


def spoil(content: dict[str, Any], what: str) -> None:
    clause = clause_of(content)
    match what:
        case "unknown name":
            clause["major_when"] = "gas_fuel and not pressure_alram"
        case "scope":
            clause["scope"]["when"] = "gas_fule"
        case "no condition":
            clause["major_when"] = "gas_fuel and and interlock_esd"
        case "deep":
            clause["major_when"] = "(" * 400 + "gas_fuel" + ")" * 400
        case "long":
            clause["major_when"] = " or ".join(["gas_fuel"] * 160)
        case "bool compared":
            clause["major_when"] = f"{clause['major_when']} and gas_fuel == 1"
        case "idle fact":
            clause["facts"]["colour"] = {"type": "bool", "zh": "颜色", "en": "colour"}
        case "enum without values":
            clause["facts"]["gas_fuel"]["type"] = "enum"
        case "trade":
            clause["trades"] = ["space"]
        case "id":
            clause["id"] = "MEM10-8-5"
        case "document":
            clause["penalties"] = [{"document": "NOWHERE"}]
        case "question":
            content["questions"][CLAUSE] = content["questions"][CLAUSE][1:]
        case "twice":
            content["articles"].append(content["articles"][0])
        case "ends":
            content["head"]["in_force_until"] = "2026-01-01"
        case "other standard":
            content["head"]["id"] = "AQ3067"


@pytest.mark.parametrize(
    ("what", "clause", "at", "name"),
    [
        ("unknown name", CLAUSE, "major_when", "pressure_alram"),
        ("scope", CLAUSE, "scope", "gas_fule"),
        ("no condition", CLAUSE, "major_when", None),
        ("deep", CLAUSE, "major_when", None),
        ("long", CLAUSE, "major_when", None),
        ("bool compared", CLAUSE, "major_when", "gas_fuel"),
        ("idle fact", CLAUSE, "facts", "colour"),
        ("enum without values", CLAUSE, "facts", "gas_fuel"),
        ("trade", CLAUSE, "trades", "space"),
        ("id", "MEM10-8-5", "id", None),
        ("document", CLAUSE, "penalties", "NOWHERE"),
        ("question", CLAUSE, "questions", "MEM10-7-5.gas_fuel"),
        ("twice", "MEM10-3-1", "id", None),
        ("ends", None, "head/in_force_until", None),
        ("other standard", None, "head/id", None),
    ],
)
def test_what_is_wrong_with_a_draft_is_named_by_clause_and_part(
    desk: Desk, what: str, clause: str | None, at: str, name: str | None
) -> None:
    draft = desk.draft()
    spoil(draft["content"], what)
    answer = desk.put(draft)
    assert (answer.status_code, answer.json()["code"]) == (422, "ruleset_invalid"), answer.text
    found = [one for one in answer.json()["errors"] if (one["clause"], one["at"]) == (clause, at)]
    assert found, answer.json()["errors"]
    assert name is None or name in found[0]["names"]
    assert desk.shown(draft["id"])["version"] == draft["version"]


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ({"clause": "MEM10-99-1", "facts": {}, "expected": "undetermined"}, None),
        ({"clause": CLAUSE, "facts": {"gas": True}, "expected": "undetermined"}, "gas"),
        ({"clause": CLAUSE, "facts": {"gas_fuel": 1}, "expected": "undetermined"}, "gas_fuel"),
    ],
)
def test_a_case_speaks_of_facts_of_its_clause(desk: Desk, case: dict[str, Any], name: str | None) -> None:
    answer = desk.put(desk.draft(), cases=[case])
    assert (answer.status_code, answer.json()["code"]) == (422, "ruleset_invalid")
    (error,) = answer.json()["errors"]
    assert error["at"] == "cases/1"
    assert name is None or error["names"] == [name]


def test_replacing_a_draft_needs_the_version_that_was_read(desk: Desk) -> None:
    draft = desk.draft()
    body = {"content": draft["content"], "cases": []}
    assert desk.editor.put(f"{PATH}/{draft['id']}", json=body).status_code == 428
    stale = desk.editor.put(f"{PATH}/{draft['id']}", json=body, version=7)
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")


def plant(content: dict[str, Any], where: str) -> None:
    clause, head = clause_of(content), content["head"]
    match where:
        case "text":
            clause["text"]["zh"] += "\x00"
        case "source":
            head["source"]["zh"] = "\x00" + head["source"]["zh"]
        case "unit":
            next(iter(head["settings"].values()))["unit"] = "kPa\x00"
        case "listed value":
            clause_of(content, "MEM10-7-1")["facts"]["gathering_place_type"]["values"]["a\x00"] = "x"
        case "penalty":
            clause["penalties"][0]["article"] = "99\x1b"
        case "question":
            content["questions"][CLAUSE][0]["en"] += "\x7f?"
        case "condition":
            clause["major_when"] += ' and gas_fuel == "\x00"'


@pytest.mark.parametrize(
    "where", ["text", "source", "unit", "listed value", "penalty", "question", "condition"]
)
def test_what_nobody_can_read_is_not_kept_in_rules(desk: Desk, where: str) -> None:
    draft = desk.draft()
    plant(draft["content"], where)
    answer = desk.put(draft)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    assert "control character" in answer.text
    assert desk.shown(draft["id"])["version"] == draft["version"]


def test_what_nobody_can_read_is_not_kept_in_cases_sources_or_reasons(desk: Desk) -> None:
    draft = desk.draft()
    for case in ({**CASES[0], "note": "\x00"}, {**CASES[0], "facts": {"gas_fuel": "\x00"}}):
        assert desk.put(draft, cases=[case]).status_code == 422
    assert desk.start(source={"zh": "\x00", "en": "x"}).status_code == 422
    body = {"json": {"reason": "\x00"}}
    refused = desk.editor.post(f"{PATH}/{draft['id']}/withdrawal", version=draft["version"], **body)
    assert refused.status_code == 422


def test_a_text_that_the_database_cannot_take_apart_spoils_neither_list_nor_version(desk: Desk) -> None:
    draft = desk.draft()

    async def spoil_row(session: AsyncSession) -> None:
        content = copy.deepcopy(draft["content"])
        clause_of(content)["text"]["zh"] += "\x00"
        row = RulesetVersion.id == UUID(draft["id"])
        await session.execute(update(RulesetVersion).where(row).values(content=content))

    desk.world.in_database(spoil_row)
    listed = desk.editor.get(PATH, params={"status": "draft"}).json()["items"]
    assert next(one for one in listed if one["id"] == draft["id"])["source"] == SOURCE
    assert desk.editor.get(f"{PATH}/{draft['id']}").status_code == 200
    assert desk.step(desk.editor, draft, "withdraw").status_code == 200


@pytest.mark.parametrize("figure", ["9" * 400, "0." + "1" * 400])
def test_a_figure_that_cannot_be_kept_exactly_is_refused(desk: Desk, figure: str) -> None:
    draft = desk.draft()
    clause_of(draft["content"], "MEM10-4-8")["major_when"] += f" or seal_pressure > {figure}"
    answer = desk.put(draft)
    assert (answer.status_code, answer.json()["code"]) == (422, "ruleset_invalid"), answer.text
    (error,) = answer.json()["errors"]
    assert (error["clause"], error["at"]) == ("MEM10-4-8", "major_when")


# --- cases


def test_a_version_is_not_published_without_a_case_for_each_verdict_of_a_changed_clause(desk: Desk) -> None:
    draft = desk.without_alarm(cases=CASES[:1])
    answer = desk.step(desk.chief, draft, "publish")
    assert (answer.status_code, answer.json()["code"]) == (422, "ruleset_cases")
    assert answer.json()["lacking"] == [{"clause": CLAUSE, "kinds": ["not_matched", "undetermined"]}]
    assert CLAUSE in answer.json()["zh"]


def test_a_version_that_says_what_the_one_before_says_is_not_published(desk: Desk) -> None:
    """A name, a day and a source of its own, and a further case, change nothing by which a visit is judged."""
    draft = desk.draft()
    assert desk.put(draft, cases=CASES[:1]).status_code == 200
    draft = desk.shown(draft["id"])
    trial = desk.editor.post(f"{PATH}/{draft['id']}/trial").json()
    assert (trial["differs"], trial["is_complete"], trial["changes"]) == (False, False, [])
    refused = desk.step(desk.chief, draft, "publish")
    assert (refused.status_code, refused.json()["code"]) == (422, "ruleset_unchanged"), refused.text
    assert draft["base"] in refused.json()["zh"]
    assert desk.shown(draft["id"])["status"] == "draft"
    clause_of(draft["content"])["caution"]["zh"] += "。"
    assert desk.put(draft, cases=[]).status_code == 200
    assert desk.editor.post(f"{PATH}/{draft['id']}/trial").json()["differs"] is True


def test_a_version_is_not_published_while_a_case_fails_and_the_case_is_named(desk: Desk) -> None:
    wrong = {"clause": CLAUSE, "facts": GAS, "expected": "suspected_major"}
    draft = desk.without_alarm(cases=[*CASES, wrong])
    answer = desk.step(desk.chief, draft, "publish")
    assert (answer.status_code, answer.json()["code"]) == (422, "ruleset_cases")
    (failing,) = answer.json()["failing"]
    assert (failing["number"], failing["clause"], failing["said"]) == (4, CLAUSE, "not_matched")


def test_cases_are_tried_without_publishing(desk: Desk) -> None:
    draft = desk.without_alarm(cases=CASES[1:])
    trial = desk.editor.post(f"{PATH}/{draft['id']}/trial").json()
    assert trial["changes"] == [{"clause": CLAUSE, "change": "changed"}]
    assert (trial["is_complete"], trial["lacking"]) == (
        False, [{"clause": CLAUSE, "kinds": ["suspected_major"]}],
    )  # fmt: skip
    assert [one["passes"] for one in trial["cases"]] == [True, True]
    assert trial["cases"][1]["missing"]
    assert desk.shown(draft["id"])["status"] == "draft"


def test_a_setting_that_a_clause_names_changes_the_clause(desk: Desk) -> None:
    draft = desk.draft()
    draft["content"]["head"]["settings"]["minimum_seal_pressure"]["value"] = 25
    assert desk.put(draft).status_code == 200
    changed = {one["clause"] for one in desk.shown(draft["id"])["changes"]}
    assert changed
    assert all("minimum_seal_pressure" in str(clause_of(draft["content"], one)) for one in changed)


def test_what_differs_besides_the_clauses_is_shown_to_the_second_person(desk: Desk) -> None:
    draft = desk.draft()
    draft["content"]["head"]["trades"]["space"] = {"zh": "航天", "en": "Space"}
    draft["content"]["head"]["title"]["zh"] += "（修订）"
    draft["content"]["questions"][CLAUSE][0]["zh"] += "？"
    assert desk.put(draft).status_code == 200
    shown = desk.shown(draft["id"])
    assert shown["head_changes"] == ["title", "trades"]
    assert shown["changes"] == [{"clause": CLAUSE, "change": "questions"}]
    assert desk.editor.post(f"{PATH}/{draft['id']}/trial").json()["is_complete"] is True


def test_a_clause_without_facts_is_never_undetermined_so_no_case_is_asked_for_it(desk: Desk) -> None:
    draft = desk.draft()
    clause = {
        **clause_of(draft["content"]), "id": "MEM10-7-90", "facts": {}, "major_when": "minimum_seal_pressure > 10",
    }  # fmt: skip
    del clause["scope"]
    next(one for one in draft["content"]["articles"] if one["article"] == 7)["clauses"].append(clause)
    draft["content"]["questions"]["MEM10-7-90"] = []
    assert desk.put(draft).status_code == 200
    trial = desk.editor.post(f"{PATH}/{draft['id']}/trial").json()
    assert trial["lacking"] == [{"clause": "MEM10-7-90", "kinds": ["suspected_major"]}]


def test_cases_that_were_there_before_do_not_show_what_has_changed(desk: Desk) -> None:
    first = desk.publish(desk.without_alarm())
    draft = desk.draft()
    assert (draft["base"], draft["cases"]) == (first["name"], CASES)
    clause = clause_of(draft["content"])
    clause["major_when"] = "gas_fuel and (not (flame_monitor and flameout_protection) or not interlock_esd)"
    assert desk.put(draft).status_code == 200
    draft = desk.shown(draft["id"])
    trial = desk.editor.post(f"{PATH}/{draft['id']}/trial").json()
    assert (trial["lacking"], trial["alike"], trial["is_complete"]) == ([], [CLAUSE], False)
    refused = desk.step(desk.chief, draft, "publish")
    assert (refused.json()["code"], refused.json()["alike"]) == ("ruleset_cases", CLAUSE)
    told = {**CASES[1], "note": "条件仅调整次序，结果不变"}
    assert desk.put(draft, cases=[*CASES, told]).status_code == 200
    trial = desk.editor.post(f"{PATH}/{draft['id']}/trial").json()
    assert (trial["alike"], trial["is_complete"]) == ([], True)


def test_a_case_that_is_decided_otherwise_than_before_shows_the_change(desk: Desk) -> None:
    draft = desk.without_alarm(cases=CASES)
    assert desk.editor.post(f"{PATH}/{draft['id']}/trial").json()["alike"] == []
    words = desk.draft()
    clause_of(words["content"])["text"]["zh"] += "。"
    assert desk.put(words).status_code == 200
    assert desk.editor.post(f"{PATH}/{words['id']}/trial").json()["alike"] == []


def test_titles_of_articles_and_the_order_of_clauses_are_among_the_differences(desk: Desk) -> None:
    draft = desk.draft()
    article = draft["content"]["articles"][0]
    article["title"]["zh"] += "（修订）"
    assert desk.put(draft).status_code == 200
    draft = desk.shown(draft["id"])
    assert draft["head_changes"] == ["article_titles"]
    several = next(one for one in draft["content"]["articles"] if len(one["clauses"]) > 1)
    several["clauses"].reverse()
    assert desk.put(draft).status_code == 200
    assert desk.shown(draft["id"])["head_changes"] == ["article_titles", "clause_order"]


# --- the second person


def test_who_wrote_the_rules_does_not_publish_them_nor_does_anybody_who_edited(desk: Desk) -> None:
    draft = desk.without_alarm()
    other = desk.world.person("legal_reviewer")
    assert desk.put(draft, other).status_code == 200
    draft = desk.shown(draft["id"])
    for who in (desk.editor, other):
        answer = desk.step(who, draft, "publish")
        assert (answer.status_code, answer.json()["code"]) == (403, "ruleset_editor")
    third = desk.world.person("legal_reviewer")
    published = desk.step(third, draft, "publish")
    assert (published.status_code, published.json()["published_by"]) == (200, str(third.user_id))
    desk.published.append(published.json())


@pytest.mark.parametrize("role", sorted(PERMISSIONS["rules:edit"]))
def test_rules_are_written_for_the_whole_city_only(desk: Desk, role: str) -> None:
    draft, body = (
        desk.draft(),
        {"ruleset": "MEM10", "version": "x", "in_force_from": "2030-01-01", "source": SOURCE},
    )
    person = desk.world.person(role, region=desk.world.district)
    assert person.post(PATH, json=body).status_code == 403
    assert desk.put(draft, person).status_code == 403
    assert desk.step(person, draft, "withdraw").status_code == 403


@pytest.mark.parametrize("role", sorted(PERMISSIONS["rules:publish"]))
def test_rules_are_published_for_the_whole_city_only(desk: Desk, role: str) -> None:
    draft = desk.without_alarm()
    person = desk.world.person(role, region=desk.world.district)
    refused = desk.step(person, draft, "publish")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    published = desk.publish(draft)
    assert desk.step(person, published, "revoke").status_code == 403


def test_drafts_are_seen_by_those_who_write_or_publish_and_by_the_auditor_only(desk: Desk) -> None:
    draft = desk.draft()
    reader = desk.world.person("supervisor")
    assert reader.get(f"{PATH}/{draft['id']}").status_code == 404
    assert reader.post(f"{PATH}/{draft['id']}/trial").status_code == 404
    assert draft["id"] not in reader.get(PATH).text
    for role in ("legal_reviewer", "approver", "administrator", "auditor"):
        assert desk.world.person(role).get(f"{PATH}/{draft['id']}").status_code == 200
    published = desk.publish(desk.without_alarm())
    assert reader.get(f"{PATH}/{published['id']}").json()["status"] == "published"


def test_what_is_published_is_what_was_read_and_tried_not_what_somebody_writes_meanwhile(
    desk: Desk, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = desk.without_alarm()
    row = RulesetVersion.id == UUID(draft["id"])

    async def write_between(session: AsyncSession, ruleset: str) -> None:
        """Another text, as its author would write it after the second person's version was looked at."""
        async with runtime.database.write() as other:
            later = update(RulesetVersion).where(row).values(version=draft["version"] + 1, cases=[])
            await other.execute(later)
        await lock_ruleset(session, ruleset)

    monkeypatch.setattr(ruleset_publishing, "lock_ruleset", write_between)
    refused = desk.step(desk.chief, draft, "publish")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    shown = desk.shown(draft["id"])
    assert (shown["status"], shown["version"], shown["cases"]) == ("draft", draft["version"] + 1, [])


def test_while_a_version_is_published_its_author_cannot_write(
    desk: Desk, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = desk.without_alarm()
    waited: list[str] = []

    async def write_between(session: AsyncSession, ruleset: str) -> Any:
        async with runtime.database.write() as other:
            await other.execute(text("SET LOCAL lock_timeout = '200ms'"))
            row = RulesetVersion.id == UUID(draft["id"])
            try:
                await other.execute(update(RulesetVersion).where(row).values(cases=[]))
            except DBAPIError as error:
                waited.append(str(error))
                await other.rollback()
        return await newest_before(session, ruleset)

    with monkeypatch.context() as patch:
        patch.setattr(ruleset_publishing, "newest_before", write_between)
        desk.publish(draft)
    assert len(waited) == 1
    assert desk.shown(draft["id"])["cases"] == CASES


# --- taking effect


def test_a_visit_is_judged_by_the_version_of_its_day_through_the_submission_itself(
    desk: Desk, world: World, runtime: Runtime
) -> None:
    before, on_the_day, past = (Visit(world, "machinery") for _ in range(3))
    past.submit("rto", answers("rto", NO_ALARM))
    said_then = past.determination()
    version = desk.publish(desk.without_alarm())
    day = datetime.fromisoformat(version["in_force_from"]).date()

    def statements(visit: Visit, legal_date: Any) -> int:
        with recorded_queries(runtime.database) as sent:
            visit.submit("rto", answers("rto", NO_ALARM), legal_date=legal_date.isoformat())
        return len([one for one in sent if "ruleset_" in one])

    assert statements(before, day - timedelta(days=1)) == 0
    assert statements(on_the_day, day) == 0
    assert ("suspected_major", CLAUSE) in said(before)
    assert before.determination()["sheets"][0]["ruleset"] == "MEM10:2023"
    assert ("suspected_major", CLAUSE) not in said(on_the_day)
    shown = on_the_day.determination()
    assert shown["sheets"][0]["ruleset"] == f"MEM10:{version['name']}"
    quiet = next(one for one in shown["not_matched"] if one["clause_id"] == CLAUSE)
    assert (quiet["explanation"]["version"], quiet["explanation"]["source"]) == (version["name"], SOURCE)
    assert {one["code"]: one["version"] for one in shown["standards"] if one["version"]} == {
        "MEM10": version["name"]
    }
    assert past.determination() == said_then


def test_a_past_visit_is_judged_the_same_for_ever_also_by_a_version_revoked_since(
    desk: Desk, world: World
) -> None:
    version = desk.publish(desk.without_alarm())
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", NO_ALARM), legal_date=version["in_force_from"])
    shown = visit.determination()
    own = visit.field.visit_id

    def is_same() -> bool:
        found = world.in_database(recheck_visits)
        return own not in {*found.different, *found.unheld}

    assert is_same()
    hold(())
    assert own in world.in_database(recheck_visits).unheld
    desk.clear()
    assert is_same()
    now = visit.determination()
    for part in ("sheets", "verdicts", "not_matched", "for_a_person"):
        assert now[part] == shown[part]


def test_another_process_finds_what_was_published_and_judges_by_it(
    desk: Desk, world: World, settings: Settings
) -> None:
    version = desk.publish(desk.without_alarm())
    visit = Visit(world, "machinery")
    visit.submit("rto", answers("rto", NO_ALARM), legal_date=version["in_force_from"])
    assert settings.database_url is not None
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSHAO_")},
        "ANSHAO_DATABASE_URL": settings.database_url.get_secret_value(),
        "ANSHAO_DATA_DIR": str(settings.data_dir),
    }
    command = [sys.executable, "-m", "app.cli", "verify", "determinations"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "visits: " in done.stdout, done.stderr
    assert str(visit.field.visit_id) not in done.stdout


def test_a_process_reads_on_by_itself(desk: Desk, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "READ_SECONDS", 0.05)
    version = desk.publish(desk.without_alarm())

    async def wait() -> None:
        async with published_held(runtime.database):
            hold(())
            assert f"MEM10:{version['name']}" not in names_held()
            async with asyncio.timeout(20):
                while f"MEM10:{version['name']}" not in names_held():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

    desk.world.client.portal.call(wait)  # type: ignore[union-attr]


def test_reading_on_asks_one_statement_when_nothing_is_new(desk: Desk, runtime: Runtime) -> None:
    desk.publish(desk.without_alarm())
    with recorded_queries(runtime.database) as sent:
        desk.world.in_database(hold_published)
    assert len([one for one in sent if "ruleset_" in one]) == 1


def test_a_process_that_cannot_read_on_stays_ready_goes_on_with_what_it_holds_and_counts_that(
    desk: Desk, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = desk.publish(desk.without_alarm())
    failures: list[str] = []

    async def fail(_: AsyncSession) -> None:
        failures.append("away")
        raise OSError

    async def wait() -> None:
        async with published_held(runtime.database):
            monkeypatch.setattr(holding, "hold_published", fail)
            async with asyncio.timeout(20):
                while len(failures) < 3:  # noqa: ASYNC110 (two are counted when a third begins)
                    await asyncio.sleep(0.02)

    monkeypatch.setattr(holding, "READ_SECONDS", 0.05)
    before = not_read(desk.world)
    desk.world.client.portal.call(wait)  # type: ignore[union-attr]
    assert f"MEM10:{version['name']}" in names_held()
    assert desk.world.client.get("/readyz").status_code == 200
    assert not_read(desk.world) >= before + 2


def not_read(world: World) -> float:
    """What /metrics says of failed readings."""
    lines = world.client.get("/metrics").text.splitlines()
    return float(
        next(one for one in lines if one.startswith("anshao_rules_not_read_total")).rpartition(" ")[2]
    )


def test_a_row_that_cannot_be_held_stops_neither_the_process_nor_its_readiness(
    desk: Desk, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.publish(desk.without_alarm())
    held, before = names_held(), not_read(desk.world)

    async def wait() -> None:
        async with published_held(runtime.database):
            monkeypatch.setattr(holding, "hash_of", lambda *_: "sha-256:other")
            monkeypatch.setattr(holding, "editions", lambda: ())  # so that the row is read anew
            async with asyncio.timeout(20):
                while (REGISTRY.get_sample_value("anshao_rules_not_read_total") or 0) <= before:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

    with monkeypatch.context() as patch:
        patch.setattr(holding, "READ_SECONDS", 0.05)
        desk.world.client.portal.call(wait)  # type: ignore[union-attr]
    monkeypatch.undo()
    assert not_read(desk.world) > before
    assert names_held() == held
    assert desk.world.client.get("/readyz").status_code == 200


def test_what_is_published_takes_effect_days_later_and_after_the_version_before(desk: Desk) -> None:
    first = earliest_day(shanghai_today())
    early = desk.without_alarm(in_force_from=str(shanghai_today() + timedelta(days=3)))
    answer = desk.step(desk.chief, early, "publish")
    assert (answer.status_code, answer.json()["code"]) == (422, "ruleset_too_soon")
    assert answer.json()["earliest"] == str(desk.first_day)
    last_minute = datetime(2026, 5, 1, 23, 59, tzinfo=SHANGHAI)
    begins = datetime.combine(earliest_day(last_minute.date()), time(), SHANGHAI)
    assert timedelta(days=3) <= begins - last_minute < timedelta(days=4)
    assert first == earliest_day(shanghai_today())
    version = desk.publish(desk.without_alarm())
    same_day = desk.draft(in_force_from=version["in_force_from"])
    assert desk.step(desk.chief, same_day, "publish").json()["code"] == "ruleset_too_soon"


def test_the_version_before_ends_the_day_before_without_being_rewritten(desk: Desk) -> None:
    version = desk.publish(desk.without_alarm())
    day = datetime.fromisoformat(version["in_force_from"]).date()
    held = {one["version"]: one for one in desk.chief.get(f"{PATH}/held").json()}
    assert held["2023"]["in_force_until"] == str(day - timedelta(days=1))
    assert (held["2023"]["id"], held["2023"]["in_force_from"]) == (None, "2023-05-15")
    new = held[version["name"]]
    assert (new["in_force_until"], new["id"], new["published_by"]) == (
        None, version["id"], str(desk.chief.user_id),
    )  # fmt: skip
    assert new["content_hash"] == version["content_hash"]


# --- what is published never changes


@pytest.mark.parametrize(
    "values",
    [
        {"content": {}},
        {"cases": []},
        {"name": "other"},
        {"in_force_from": datetime(2020, 1, 1, tzinfo=UTC).date()},
        {"status": "draft", "published_at": None, "published_by": None},
        {"version": 9},
    ],
)
def test_the_database_itself_refuses_to_change_what_is_published(desk: Desk, values: dict[str, Any]) -> None:
    version = desk.publish(desk.without_alarm())
    shown = desk.shown(version["id"])

    async def rewrite(session: AsyncSession) -> None:
        row = RulesetVersion.id == UUID(version["id"])
        await session.execute(update(RulesetVersion).where(row).values(**values))

    with pytest.raises(DBAPIError, match="never changes"):
        desk.world.in_database(rewrite)
    assert desk.shown(version["id"]) == shown


def test_the_database_itself_refuses_to_forget_versions_and_steps(desk: Desk) -> None:
    version = desk.publish(desk.without_alarm())
    row, step = RulesetVersion.id == UUID(version["id"]), RulesetStep.version_id == UUID(version["id"])
    statements = [
        delete(RulesetVersion).where(row),
        delete(RulesetStep).where(step),
        update(RulesetStep).where(step).values(reason="x"),
        text("TRUNCATE ruleset_versions CASCADE"),
        text("TRUNCATE ruleset_steps"),
    ]
    for statement in statements:

        async def run(session: AsyncSession, statement: Any = statement) -> None:
            await session.execute(statement)

        with pytest.raises(DBAPIError, match=r"stays|append-only"):
            desk.world.in_database(run)


def test_a_version_that_is_not_what_its_hash_says_judges_nothing(desk: Desk) -> None:
    version = desk.publish(desk.without_alarm())

    async def forge(session: AsyncSession) -> None:
        await session.execute(text("ALTER TABLE ruleset_versions DISABLE TRIGGER ruleset_versions_frozen"))
        cases = text("UPDATE ruleset_versions SET cases = '[]' WHERE id = :id")
        await session.execute(cases, {"id": version["id"]})
        hold(())
        with pytest.raises(RulesTampered, match=version["name"]):
            await hold_published(session)
        (named,) = await list_unusable(await session.connection())
        assert f"MEM10:{version['name']}" in named
        await session.rollback()

    desk.world.in_database(forge)


def test_two_publications_at_once_end_in_one(desk: Desk) -> None:
    drafts = [desk.without_alarm() for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        answered = list(pool.map(lambda one: desk.step(desk.chief, one, "publish"), drafts))
    desk.published += [one.json() for one in answered if one.status_code == 200]
    assert sorted(one.status_code for one in answered) == [200, 409]
    (refused,) = [one.json() for one in answered if one.status_code == 409]
    assert refused["code"] == "ruleset_base_outdated"


def test_the_same_draft_is_published_once(desk: Desk) -> None:
    draft = desk.without_alarm()
    with ThreadPoolExecutor(2) as pool:
        answered = list(pool.map(lambda _: desk.step(desk.chief, draft, "publish"), range(2)))
    desk.published += [one.json() for one in answered if one.status_code == 200]
    assert sorted((one.status_code, one.json().get("code")) for one in answered) == [
        (200, None), (409, "ruleset_state"),
    ]  # fmt: skip


def test_a_draft_that_another_version_overtook_is_moved_onto_it(desk: Desk) -> None:
    late = desk.draft()
    first = desk.publish(desk.without_alarm())
    assert desk.step(desk.chief, late, "publish").json()["code"] == "ruleset_base_outdated"
    late["content"]["head"]["in_force_from"] = str(desk.first_day)
    assert desk.put(late, base="2019").json()["code"] == "ruleset_base_outdated"
    moved = desk.put(late, base=first["name"])
    assert moved.status_code == 200, moved.text
    shown = desk.shown(late["id"])
    assert shown["changes"] == [{"clause": CLAUSE, "change": "changed"}]
    assert desk.step(desk.chief, shown, "publish").json()["code"] == "ruleset_cases"
    assert desk.draft()["cases"] == CASES


# --- taking it back while there is time


def test_a_version_is_revoked_before_its_day_with_a_reason_by_a_second_person(desk: Desk) -> None:
    version = desk.publish(desk.without_alarm())
    silent = desk.chief.post(
        f"{PATH}/{version['id']}/revocation", json={"reason": " "}, version=version["version"]
    )
    assert silent.status_code == 422
    assert desk.step(desk.editor, version, "revoke").json()["code"] == "ruleset_editor"
    revoked = desk.step(desk.chief, version, "revoke")
    assert (revoked.status_code, revoked.json()["status"]) == (200, "revoked")
    shown = desk.shown(version["id"])
    assert (shown["steps"][-1]["action"], shown["steps"][-1]["reason"]) == ("revoke", "情况属实")
    assert shown["content_hash"] == version["content_hash"]
    desk.world.in_database(hold_published)
    assert f"MEM10:{version['name']}" not in names_held()
    held = {one["version"]: one for one in desk.chief.get(f"{PATH}/held").json()}
    assert held[version["name"]]["is_revoked"] is True
    assert held["2023"]["in_force_until"] is None
    assert desk.step(desk.chief, version, "revoke").json()["code"] == "ruleset_state"


def test_a_version_that_another_follows_is_not_revoked_first(desk: Desk) -> None:
    first = desk.publish(desk.without_alarm())
    draft = desk.draft()
    clause_of(draft["content"])["text"]["zh"] += "。"
    assert desk.put(draft).status_code == 200
    second = desk.publish(desk.shown(draft["id"]))
    refused = desk.step(desk.chief, first, "revoke")
    assert (refused.status_code, refused.json()["code"]) == (409, "ruleset_followed")
    assert refused.json()["newest"] == second["name"]


def test_a_version_in_force_is_not_revoked(desk: Desk) -> None:
    version = desk.publish(desk.without_alarm())
    day = datetime.fromisoformat(version["in_force_from"]).replace(tzinfo=SHANGHAI)
    row = desk.world.in_database(lambda session: session.get(RulesetVersion, UUID(version["id"])))
    assert is_revocable(row.in_force_from, day - timedelta(hours=1))
    assert not is_revocable(row.in_force_from, day - timedelta(minutes=59))
    with standing_at(day - timedelta(minutes=30)):
        late = desk.world.person("approver")
        answer = desk.step(late, version, "revoke")
    assert (answer.status_code, answer.json()["code"]) == (409, "ruleset_in_force")


# --- what binds it to the program's own versions, and keeps it small


@pytest.mark.parametrize("name", ["2027", "2026-11", "0"])
def test_a_name_that_a_version_that_ships_could_bear_is_not_given_here(desk: Desk, name: str) -> None:
    answer = desk.start(version=name)
    assert (answer.status_code, answer.json()["code"]) == (422, "ruleset_invalid"), answer.text
    assert answer.json()["errors"][0]["at"] == "head/version"
    assert all(OWN_NAME.match(one.version) is None for one in shipped_rulesets())


def test_where_a_release_ships_a_name_that_was_published_no_verdict_is_left_to_mean_either(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = desk.publish(desk.without_alarm())
    (shipped,) = shipped_rulesets()
    twin = (shipped, replace(shipped, version=version["name"]))

    async def read(session: AsyncSession) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(holding, "shipped_rulesets", lambda: twin)
            patch.setattr(holding, "editions", lambda: ())
            with pytest.raises(NameShipped, match=version["name"]):
                await hold_published(session)
            assert any("NameShipped" in one for one in await list_unusable(session))
        assert await list_unusable(session) == []

    desk.world.in_database(read)


def grown(draft: dict[str, Any], times: int, like: str) -> dict[str, Any]:
    """The content with more clauses of one kind."""
    content = copy.deepcopy(draft["content"])
    article = next(one for one in content["articles"] if one["article"] == int(like.split("-")[1]))
    for number in range(100, 100 + times):
        added = f"{like.rpartition('-')[0]}-{number}"
        article["clauses"].append({**clause_of(content, like), "id": added})
        content["questions"][added] = [
            {**one, "key": one["key"].replace(f"{like}.", f"{added}.")} for one in content["questions"][like]
        ]
    return content


def test_a_version_has_so_many_clauses_and_so_many_answers_to_try_at_most(desk: Desk) -> None:
    draft = desk.draft()
    article = draft["content"]["articles"][0]
    crowd = {**article, "clauses": [article["clauses"][0]] * 200}
    many = desk.put(draft, content={**draft["content"], "articles": [crowd, crowd, crowd]})
    assert (many.status_code, many.json()["code"]) == (422, "ruleset_invalid")
    assert many.json()["errors"] == [
        {"clause": None, "at": "articles", "message": "600 clauses; at most 400", "names": []}
    ]
    assert desk.put(draft, content=grown(draft, 10, "MEM10-4-3")).status_code == 200
    hard = desk.put(desk.shown(draft["id"]), content=grown(draft, 25, "MEM10-4-3"))
    assert (hard.status_code, hard.json()["code"]) == (422, "ruleset_invalid")
    (error,) = hard.json()["errors"]
    assert (error["at"], "at most 60000" in error["message"]) == ("articles", True)


def test_rules_are_built_and_tried_beside_the_event_loop(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    beside: list[str] = []

    def noting(name: str, module: Any) -> None:
        real = getattr(module, name)

        def run(*given: Any) -> Any:
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            beside.append(name)
            return real(*given)

        monkeypatch.setattr(module, name, run)

    noting("check_content", ruleset_drafting)
    noting("list_changes", ruleset_reading)
    noting("try_cases", ruleset_publishing)
    noting("check_content", ruleset_publishing)
    draft = desk.without_alarm()
    assert desk.editor.post(f"{PATH}/{draft['id']}/trial").status_code == 200
    desk.publish(draft)
    assert set(beside) == {"check_content", "list_changes", "try_cases"}
    assert beside.count("check_content") == 3


def test_a_draft_whose_base_has_gone_is_still_read_and_tried_against_the_newest(desk: Desk) -> None:
    draft = desk.without_alarm()

    async def lose(session: AsyncSession) -> None:
        row = RulesetVersion.id == UUID(draft["id"])
        await session.execute(update(RulesetVersion).where(row).values(base="gone"))

    desk.world.in_database(lose)
    assert desk.shown(draft["id"])["changes"] == [{"clause": CLAUSE, "change": "changed"}]
    assert desk.editor.post(f"{PATH}/{draft['id']}/trial").status_code == 200
    assert desk.step(desk.chief, draft, "publish").json()["code"] == "ruleset_base_outdated"


def test_a_visit_over_the_day_of_a_new_version_is_answered_by_the_rules_it_is_judged_by(
    desk: Desk, world: World
) -> None:
    version = desk.publish(desk.without_alarm())
    day = datetime.fromisoformat(version["in_force_from"]).date()
    visit = Visit(world, "machinery")
    eve = (day - timedelta(days=1)).isoformat()
    visit.submit("rto", answers("rto", without=("RTO-10", "RTO-10.3", "RTO-10.4")), legal_date=eve)
    visit.submit("hot-work", answers("hot-work"), legal_date=day.isoformat())
    (open_one,) = [one for one in visit.verdicts("undetermined") if one["clause_id"] == CLAUSE]
    key = f"{CLAUSE}.{ALARM}"
    assert key in open_one["missing"]
    body = {"answers": {key: False}, "note": "现场复核"}
    answer = visit.reader.post(
        f"/api/v1/determinations/{open_one['id']}/answers", json=body, version=open_one["version"]
    )
    assert answer.status_code == 201, answer.text
    assert ("suspected_major", CLAUSE) in said(visit)


def stated(visit: Visit, **values: bool) -> Any:
    """The clause's facts of a burner that no checklist spoke of, stated at the desk."""
    body = {
        "answers": {f"{CLAUSE}.{name}": value for name, value in values.items()},
        "note": "现场查看",
        "subject_name": "1号RTO",
    }
    path = f"/api/v1/determinations/visits/{visit.field.visit_id}/clauses/{CLAUSE}/answers"
    return visit.reader.post(path, json=body)


def verdict_of(visit: Visit) -> tuple[str, str]:
    """What is said of the burner now, and by which version."""
    shown = visit.determination()
    found = [one for one in shown["verdicts"] if one["is_current"]] + shown["not_matched"]
    (one,) = [one for one in found if one["clause_id"] == CLAUSE]
    return one.get("kind", "not_matched"), one["explanation"]["version"]


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_facts_stated_by_hand_are_judged_by_the_version_of_the_visit_s_day(
    desk: Desk, world: World, days: int
) -> None:
    """Whenever they are stated: today, before the new version takes effect, and after that day."""
    version = desk.publish(desk.without_alarm())
    day = datetime.fromisoformat(version["in_force_from"]).date()
    legal_date = (day + timedelta(days=days)).isoformat()
    is_new = days >= 0
    for stated_on in (None, day + timedelta(days=2)):
        visit = Visit(world, "machinery")
        visit.submit("outsourced-work", answers("outsourced-work"), legal_date=legal_date)
        with standing_at(datetime.combine(stated_on, time(12), SHANGHAI)) if stated_on else nullcontext():
            visit.officers[0] = world.logged_in(visit.reader.user_id)
            refused = stated(visit, **GAS, **{ALARM: False}) if is_new else None
            assert refused is None or refused.json()["code"] == "answer_refused"  # it asks no such thing
            answer = stated(visit, **GAS, **({} if is_new else {ALARM: False}))
            assert answer.status_code == 201, answer.text
            expected = ("not_matched", version["name"]) if is_new else ("suspected_major", "2023")
            assert verdict_of(visit) == expected


def test_facts_stated_of_a_visit_over_the_day_are_judged_as_its_first_day_was(
    desk: Desk, world: World
) -> None:
    version = desk.publish(desk.without_alarm())
    day = datetime.fromisoformat(version["in_force_from"]).date()
    visit = Visit(world, "machinery")
    visit.submit("hot-work", answers("hot-work"), legal_date=day.isoformat())
    eve = (day - timedelta(days=1)).isoformat()
    visit.submit("outsourced-work", answers("outsourced-work"), legal_date=eve)
    assert stated(visit, **GAS, **{ALARM: False}).status_code == 201
    assert verdict_of(visit) == ("suspected_major", "2023")


# --- states, readers, lists


def test_every_step_leads_where_the_table_says() -> None:
    told = {
        state: {name: one.target for name, one in TRANSITIONS.items() if is_allowed(name, state)}
        for state in STATES
    }
    assert told == TABLE
    assert set(RulesetStatus) == STATES
    assert INITIAL in STATES


@pytest.mark.parametrize("state", sorted(TABLE))
@pytest.mark.parametrize("action", sorted(DOORS))
def test_at_every_state_a_step_is_taken_by_whom_it_is_for_or_not_at_all(
    desk: Desk, state: str, action: str
) -> None:
    version = desk.without_alarm()
    if state == "withdrawn":
        version = desk.step(desk.editor, version, "withdraw").json()
    elif state in ("published", "revoked"):
        version = desk.publish(version)
        if state == "revoked":
            assert desk.step(desk.chief, version, "revoke").status_code == 200
    permission = TRANSITIONS[action].permission
    possible = action in TABLE[state]
    for role in sorted(Role):
        if permission in actions_of(role):
            continue
        assert desk.step(desk.world.person(role), version, action).json()["code"] == "forbidden"
    answer = desk.step(desk.editor if action == "withdraw" else desk.chief, version, action)
    if answer.status_code == 200 and action == "publish":
        desk.published.append(answer.json())
    assert answer.status_code == (200 if possible else 409), answer.text
    if possible:
        assert answer.json()["status"] == TABLE[state][action]
    else:
        assert answer.json()["code"] == "ruleset_state"


def test_nobody_is_a_second_person_to_himself_nor_is_the_system() -> None:
    one, other = new_id(), new_id()
    assert not is_second_person(one, [one, other])
    assert not is_second_person(SYSTEM.user_id, [])
    assert is_second_person(one, [other])


def test_every_reader_of_rules_sees_the_published_version_with_its_source_and_marks(desk: Desk) -> None:
    version = desk.publish(desk.without_alarm())
    on = {"on": version["in_force_from"]}
    reader = desk.world.person("inspector")
    clauses = {one["id"]: one for one in reader.get("/api/v1/determinations/clauses", params=on).json()}
    clause = clauses[CLAUSE]
    assert (clause["ruleset"], clause["version"], clause["source"]) == ("MEM10", version["name"], SOURCE)
    assert clause["to_be_confirmed"]["zh"]
    assert ALARM not in str(clause["questions"])
    covered = reader.get("/api/v1/determinations/coverage", params=on).json()
    assert covered["ruleset"] == f"MEM10:{version['name']}"
    marked = {one["clause_id"] for one in covered["clauses"] if one["to_be_confirmed"]}
    held = next(one for one in reader.get(f"{PATH}/held").json() if one["id"] == version["id"])
    assert (set(held["unconfirmed_clauses"]), held["unconfirmed_settings"]) == (
        marked, ["minimum_seal_pressure"],
    )  # fmt: skip
    facts = [{"key": "MEM10-7-5.gas_fuel", "value": True}]
    body = {"trades": ["machinery"], "facts": facts, **on}
    judged = reader.post("/api/v1/determinations/what-if", json=body).json()
    verdict = next(one for one in judged["verdicts"] if one["clause_id"] == CLAUSE)
    assert judged["ruleset"] == f"MEM10:{version['name']}"
    assert ALARM not in str(verdict["questions"])
    assert verdict["fewest"]["to_suspect"]
    before = reader.get("/api/v1/determinations/clauses").json()
    assert {one["version"] for one in before} == {"2023"}


def test_the_list_is_filtered_and_paged_without_gaps_in_one_statement(desk: Desk, runtime: Runtime) -> None:
    made = [desk.draft()["id"] for _ in range(5)]
    given_up = desk.step(desk.editor, desk.shown(made[0]), "withdraw")
    assert given_up.json()["status"] == "withdrawn"
    seen: list[str] = []
    parameters: dict[str, Any] = {"ruleset": "MEM10", "limit": 2, "status": "draft"}
    while not set(made[1:]) <= set(seen):
        with recorded_queries(runtime.database) as sent:
            page = desk.editor.get(PATH, params=parameters).json()
        assert len([one for one in sent if "ruleset_versions" in one]) == 1
        seen += [one["id"] for one in page["items"]]
        parameters["cursor"] = page["next_cursor"]
    assert len(seen) == len(set(seen))
    assert made[0] not in seen
    assert made[0] in desk.editor.get(PATH, params={"status": "withdrawn"}).text
    assert desk.editor.get(PATH, params={"ruleset": "OTHER"}).json()["items"] == []


def test_a_repeated_start_with_the_same_key_makes_one_draft(desk: Desk) -> None:
    body = {
        "ruleset": "MEM10",
        "version": f"t{secrets.token_hex(5)}",
        "in_force_from": "2030-01-01",
        "source": SOURCE,
    }
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    first = desk.editor.post(PATH, json=body, headers=headers)
    again = desk.editor.post(PATH, json=body, headers=headers)
    assert (first.status_code, first.json()["id"]) == (201, again.json()["id"])


def test_every_act_leaves_an_audit_row_and_a_change_row(desk: Desk) -> None:
    version = desk.publish(desk.without_alarm())
    given_up = desk.step(desk.editor, desk.draft(), "withdraw").json()
    assert desk.step(desk.chief, version, "revoke").status_code == 200

    async def told(session: AsyncSession) -> Any:
        ids = [UUID(version["id"]), UUID(given_up["id"])]
        acts = select(AuditEntry.object_id, AuditEntry.action, AuditEntry.user_id, AuditEntry.before_hash)
        acts = acts.where(AuditEntry.object_id.in_(ids)).order_by(AuditEntry.id)
        changes = select(Change.object_id, Change.kind, Change.version).where(Change.object_id.in_(ids))
        return (await session.execute(acts)).all(), (await session.execute(changes.order_by(Change.id))).all()

    acts, changes = desk.world.in_database(told)
    editor, chief = desk.editor.user_id, desk.chief.user_id
    published, other = UUID(version["id"]), UUID(given_up["id"])
    assert [row[:3] for row in acts] == [
        (published, "rules:start", editor), (published, "rules:change", editor), (published, "rules:publish", chief),
        (other, "rules:start", editor), (other, "rules:withdraw", editor), (published, "rules:revoke", chief),
    ]  # fmt: skip
    assert [row[3] is None for row in acts] == [row[1] == "rules:start" for row in acts]
    assert {row[1] for row in changes} == {"ruleset"}
    assert [row[2] for row in changes if row[0] == published] == [1, 2, 3, 3]
