"""The main job as a stranger sees it: one command, real processes, real HTTP, a real database; twice on the same folder.

What is asserted is what the API tells afterwards, to people logged in with the accounts that the demonstration gives out.
"""

from pathlib import Path

import httpx

from app.core.uscc import check_uscc
from tests.flows.conftest import Desk
from tests.support.processes import Installation

MAJOR_CLAUSES = {"MEM10-7-5", "MEM10-13-2"}


def test_three_hundred_enterprises_are_registered_once_with_valid_codes(desk: Desk) -> None:
    rows = desk.all("supervisor", "/enterprises")
    assert len(rows) == len({row["uscc"] for row in rows}) == len({row["name"] for row in rows}) == 300
    for row in rows:
        checked = check_uscc(row["uscc"])
        assert (checked.error, checked.body_digit_differs) == (None, False)
    assert len({row["region_id"] for row in rows}) == 12
    imports = desk.all("admin", "/enterprises/imports")
    assert [one["rows_created"] for one in imports] == [0, 300]
    assert [one["rows_unchanged"] for one in imports] == [300, 0]


def test_each_inspection_has_three_signable_packages_without_a_flag(desk: Desk) -> None:
    visits = [row for row in desk.all("supervisor", "/inspections/visits") if row["kind"] == "inspection"]
    assert len(visits) == 2
    for visit in visits:
        shown = desk.get("supervisor", f"/api/v1/inspections/visits/{visit['id']}")
        assert len(shown["packages"]) == 3
        assert all(package["is_signable"] for package in shown["packages"])
        assert [package["issues"] for package in shown["packages"]] == [[], [], []]
        assert len(shown["findings"]) == 8


def test_two_officers_verified_and_the_person_in_charge_confirmed_what_was_suspected(desk: Desk) -> None:
    rows = [row for row in desk.all("approver", "/determinations") if row["status"] == "confirmed"]
    assert {row["major_clause"] for row in rows} == MAJOR_CLAUSES
    assert len(rows) == 4
    chief = desk.get("approver", "/api/v1/session")["user_id"]
    officers = {desk.get(who, "/api/v1/session")["user_id"] for who in ("officer1", "officer2")}
    for row in rows:
        detail = desk.get("approver", f"/api/v1/determinations/{row['id']}")
        assert {one["user_id"] for one in detail["verifications"]} == officers
        assert detail["confirmed_by"] == chief
        false_ones = [one for one in detail["explanation"]["conditions"] if one["holds"] is False]
        assert false_ones
        assert all(fact["sources"] for one in false_ones for fact in one["facts"])


def test_hazards_have_orders_with_deadlines_and_one_of_each_visit_is_closed(desk: Desk) -> None:
    rows = desk.all("officer1", "/hazards")
    assert len(rows) == 16
    assert len({row["number"] for row in rows}) == 16
    assert {row["clause"] for row in rows if row["level"] == "major"} == MAJOR_CLAUSES
    assert all(row["due_on"] > row["found_on"] for row in rows)
    (enterprise,) = {row["enterprise_id"] for row in rows}
    (site,) = desk.all("officer1", "/sites", enterprise_id=enterprise)
    units = {
        unit["id"]: unit["kind"] for unit in desk.get("officer1", f"/api/v1/sites/{site['id']}")["units"]
    }
    kinds = {"RTO": "rto", "CS": "confined_space", "HW": "hot_work_point"}
    assert all(units[row["risk_unit_id"]] == kinds[row["item_code"].split("-")[0]] for row in rows)
    closed = [row for row in rows if row["status"] == "closed"]
    assert len(closed) == 2
    for row in closed:
        detail = desk.get("officer1", f"/api/v1/hazards/{row['id']}")
        assert detail["orders"]
        assert detail["evidence_ids"], "the photographs of before"
        assert any(step["visit_id"] and step["evidence_ids"] for step in detail["steps"][1:]), "and of after"


def test_what_a_visit_found_was_ordered_by_one_document_that_two_officers_signed(desk: Desk) -> None:
    orders = desk.all("supervisor", "/rectification-orders")
    assert len(orders) == 2
    for order in orders:
        detail = desk.get("supervisor", f"/api/v1/rectification-orders/{order['id']}")
        assert (len(detail["officers"]), len(detail["lines"])) == (2, 8)
        assert len({line["due_on"] for line in detail["lines"]}) == 2, "sooner for what is general"


def test_a_case_was_filed_by_the_approver_from_a_confirmed_major_hazard(desk: Desk) -> None:
    rows = desk.all("caseofficer", "/cases")
    assert len(rows) == 2
    chief = desk.get("approver", "/api/v1/session")["user_id"]
    for row in rows:
        case = desk.get("caseofficer", f"/api/v1/cases/{row['id']}")
        assert (case["status"], case["filed_on"] is not None) == ("investigating", True)
        assert [step["user_id"] for step in case["steps"] if step["action"] == "approve_filing"] == [chief]
        (hazard,) = case["hazards"]
        assert hazard["level"] == "major"
        assert [one["penalty_document"] for one in case["allegations"]] == ["O13"]


def test_the_assistant_patrolled_and_the_whistle_was_handled(desk: Desk) -> None:
    patrols = desk.all("supervisor", "/patrols")
    assert [row["abnormal_points"] for row in patrols] == [1, 1]
    assert all(row["evidence_ids"] for row in patrols)
    assert [row["status"] for row in desk.all("supervisor", "/whistles")] == ["handled", "handled"]


def test_the_third_party_application_reads_what_was_ordered_and_nothing_else(desk: Desk) -> None:
    (client,) = desk.all("admin", "/clients")
    headers = {**desk.headers("admin"), "If-Match": f'"{client["version"]}"', "Idempotency-Key": "again"}
    renewed = httpx.post(
        f"{desk.address}/api/v1/clients/{client['id']}/rotation", json={}, headers=headers, timeout=30
    )
    assert renewed.status_code == 200, renewed.text
    token = httpx.post(
        f"{desk.address}/partner/v1/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(client["id"], renewed.json()["client_secret"]),
        timeout=30,
    ).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    hazards = httpx.get(
        f"{desk.address}/partner/v1/hazards", params={"limit": 100}, headers=headers, timeout=30
    ).json()
    assert {row["number"] for row in hazards["items"]} == {
        row["number"] for row in desk.all("officer1", "/hazards")
    }
    assert httpx.get(f"{desk.address}/api/v1/hazards", headers=headers, timeout=30).status_code in (401, 403)


def test_every_visit_is_judged_the_same_again_by_the_rules_of_its_day(desk: Desk) -> None:
    again = desk.installation.run("verify", "determinations")
    assert again.returncode == 0, again.stdout + again.stderr
    counted = int(again.stdout.partition("visits: ")[2].split()[0])
    assert counted >= len(desk.all("officer1", "/inspections/visits", kind="inspection")) > 0


def test_nobody_elses_installation_is_used(tmp_path: Path) -> None:
    installation = Installation.migrated(tmp_path)
    create = (
        "admin", "create", "--login", "first", "--name", "陈安全", "--city-code", "330100", "--city-name", "安市",
        "--authority-name", "安市应急管理局", "--password-stdin",
    )  # fmt: skip
    assert installation.run(*create, given="correct horse battery staple\n").returncode == 0
    refused = installation.run("demo", "--no-serve")
    assert refused.returncode == 1
    assert "ANSHAO_DATA_DIR" in refused.stderr
    assert "Traceback" not in refused.stderr
