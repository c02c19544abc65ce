"""What the checklist area refuses, each with a stable code."""

from app.core.errors import ConflictProblem, InvalidProblem


class ContentInvalidProblem(InvalidProblem):
    """The body of a checklist cannot be used; `errors` lists each place and what is wrong there."""

    code = "checklist_content_invalid"
    zh = "检查表内容有误（{count} 处）"
    en = "The checklist's content is not valid ({count} errors)"

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__(count=len(errors), errors=errors[:100])


class ChecklistStateProblem(ConflictProblem):
    """What was asked is not possible in the version's state: published ones never change."""

    code = "checklist_state"
    zh = "当前状态（{state}）下不能执行此操作；已发布的版本不可更改，请新建草稿"
    en = "This is not possible while the version is {state}; published versions never change, start a new draft"


class ChecklistAlreadyPublishedProblem(ConflictProblem):
    """Exactly this content is published (or was, and is withdrawn) already."""

    code = "checklist_already_published"
    zh = "完全相同的内容已发布为第 {number} 版"
    en = "Exactly this content is already published as version {number}"
