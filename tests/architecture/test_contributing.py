"""The worked example of CONTRIBUTING.md does what it says."""

import copy
import re
from pathlib import Path
from typing import Any

import yaml

from app.rules.evaluator import VerdictKind, determine
from app.rules.facts import Fact, Subject
from app.services.checklists.content import shipped_bodies, validate_body
from app.services.determinations.content import shipped_rulesets

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def example_item() -> dict[str, Any]:
    block = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert block is not None
    item = yaml.safe_load(re.sub(r"^   ", "", block.group(1), flags=re.MULTILINE))
    assert isinstance(item, dict)
    return item


def test_the_example_item_fits_its_checklist() -> None:
    body = copy.deepcopy(shipped_bodies()["confined-space"])
    section = next(one for one in body["sections"] if not one.get("repeat"))
    section["items"].append(example_item())
    checklist = validate_body(body)
    assert any(item.code == example_item()["code"] for one in checklist.sections for item in one.items)


def test_the_example_items_answer_decides_its_clause() -> None:
    item = example_item()
    (told,) = item["facts"]
    clause_id = item["clauses"][0]["clause"]
    assert told["key"].startswith(f"{clause_id}.")
    place = Subject("place", "1")
    others = {"in_scope": True, "toxic_risk": True, "entry_approved": True, "ventilate_test_work": True}
    kinds = {}
    for answer in (*told["map"], None):
        facts = [Fact(place, f"{clause_id}.{name}", value, "q") for name, value in others.items()]
        if answer is not None:
            facts.append(Fact(place, told["key"], told["map"][answer], "q"))
        result = determine(shipped_rulesets()[0], ["commerce"], facts)
        kinds[answer] = next(v.kind for v in result.verdicts if v.clause_id == clause_id)
    assert kinds == {
        "yes": VerdictKind.NOT_MATCHED,
        "no": VerdictKind.SUSPECTED_MAJOR,
        None: VerdictKind.UNDETERMINED,
    }


def test_every_place_the_guide_names_exists() -> None:
    for named in set(re.findall(r"`((?:app|tests|docs|migrations)/[a-z0-9_/.\-]+)`", TEXT)):
        path = ROOT / named
        assert path.exists() or "agencies" in named, named
