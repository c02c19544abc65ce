"""Why an enterprise, a contact, a site or an import is refused."""

from collections.abc import Sequence

from app.core.errors import ConflictProblem, InvalidProblem, Problem
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


class ContactNamedProblem(ConflictProblem):
    """Whom a placard or its plan names as the one who answers cannot be erased; who answers is part of the act."""

    code = "contact_named"
    zh = "该联系人已在挂牌或治理方案中列为治理责任人，不能删除；信息有误请更正"
    en = "A placard or its plan names this contact as the one who answers, so it cannot be erased; correct it if it is wrong"


class GeofenceProblem(InvalidProblem):
    """The outline crosses itself, or is too small or too large to be a site."""

    code = "geofence_invalid"
    zh = "电子围栏无效：{reason_zh}"
    en = "The geofence cannot be used: {reason_en}"


class LinkOverlapProblem(ConflictProblem):
    """Another operator has the site on some of these days; end that link first. The same for one landlord twice."""

    code = "site_link_overlap"
    zh = "与既有关系的起止日期重叠（{valid_from} 起），请先终止原关系"
    en = "It overlaps a link that begins on {valid_from}; end that one first"


class LinkPeriodProblem(InvalidProblem):
    """A link cannot end before it begins."""

    code = "site_link_period"
    zh = "终止日期早于起始日期"
    en = "A link cannot end before it begins"


class UnitKindProblem(InvalidProblem):
    """The facts are those of another kind of unit."""

    code = "risk_unit_kind"
    zh = "风险单元的类型不能更改"
    en = "The kind of a risk unit cannot change"


class UnitExistsProblem(ConflictProblem):
    """The site has a unit of that kind and name."""

    code = "risk_unit_exists"
    zh = "该场所已有同类同名的风险单元"
    en = "The site already has a unit of this kind and name"


class IdNumberProblem(InvalidProblem):
    """Not a valid resident identity number (GB 11643): format, date or check character."""

    code = "id_number_invalid"
    zh = "公民身份号码不正确"
    en = "This is not a valid resident identity number"


class PhoneProblem(InvalidProblem):
    """Not a telephone number."""

    code = "phone_invalid"
    zh = "电话号码不正确"
    en = "This is not a telephone number"


class InvitationPeriodProblem(InvalidProblem):
    """Nobody is invited for longer than the setting allows."""

    code = "invitation_period"
    zh = "邀请有效期最长为 {most} 天"
    en = "An invitation lasts {most} days at most"


class InvitationEndedProblem(ConflictProblem):
    """It is revoked already."""

    code = "invitation_ended"
    zh = "该邀请已撤销"
    en = "The invitation is revoked already"


class InvitationRefusedProblem(Problem):
    """The code is unknown, used, late or revoked: one answer for all."""

    status = 403
    code = "invitation_refused"
    retry = "manual"
    zh = "邀请码无效或已过期，请联系执法人员重新邀请"
    en = "The invitation code is not valid any more; ask the officer for another"
