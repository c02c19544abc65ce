"""docs/checklists.md says what the code does."""

import json
import re
from pathlib import Path

from app.enums.checklists import AnswerIssueCode, LookupResult
from app.services.checklists.answers import assess_answers
from app.services.checklists.content import parse_checklist, shipped_bodies
from tests.factories.checklists import CHECKED_ON

TEXT = (Path(__file__).parents[2] / "docs" / "checklists.md").read_text(encoding="utf-8")
MALFORMED = {
    AnswerIssueCode.WRONG_TYPE,
    AnswerIssueCode.OUT_OF_RANGE,
    AnswerIssueCode.UNKNOWN_OPTION,
    AnswerIssueCode.REASON_MISSING,
    AnswerIssueCode.NOT_APPLICABLE_REFUSED,
}


def test_document_lists_every_issue_with_its_texts() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) · (.+) \|$", TEXT, re.MULTILINE)
    assert rows == [(code.value, code.zh, code.en) for code in AnswerIssueCode]


def test_document_lists_every_result_of_a_lookup() -> None:
    assert " / ".join(LookupResult) in TEXT


def test_answers_of_the_document_are_well_formed() -> None:
    answers = json.loads(TEXT.split("```json")[1].split("```")[0])
    seen = set()
    for body in shipped_bodies().values():
        checklist = parse_checklist(body)
        own = {path: given for path, given in answers.items() if _belongs(path, body)}
        found = assess_answers(checklist, own, (), CHECKED_ON).issues
        assert not [issue for issue in found if issue.code in MALFORMED]
        seen |= set(own)
    assert seen == set(answers)


def _belongs(path: str, body: dict[str, object]) -> bool:
    return f"'code': '{path.rpartition('/')[2]}'" in str(body)
