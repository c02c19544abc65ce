"""Why an enterprise, a contact, a site or an import is refused."""

from collections.abc import Sequence

from app.core.errors import ConflictProblem, InvalidProblem
from app.enums.enterprises import FieldError


class EnterpriseInvalidProblem(InvalidProblem):
    """Fields that cannot be accepted; `errors` names each with its reason."""

    code = "enterprise_invalid"
    zh = "单位信息有误（{count} 处）"
    en = "The enterprise's data is not valid ({count} errors)"

    def __init__(self, errors: Sequence[tuple[str, FieldError]]) -> None:
        listed = [{"at": name, "code": error.value, "zh": error.zh, "en": error.en} for name, error in errors]
        super().__init__(count=len(listed), errors=listed)


class EnterpriseExistsProblem(ConflictProblem):
    """The credit code is registered already, perhaps in a region the caller does not see."""

    code = "enterprise_exists"
    zh = "该统一社会信用代码已登记"
    en = "An enterprise with this credit code is already registered"


class EnterpriseActiveProblem(ConflictProblem):
    """It is already in the state asked for."""

    code = "enterprise_activity"
    zh = "单位已处于该状态"
    en = "The enterprise is already in that state"
