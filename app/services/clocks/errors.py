"""Why a notice, a limit or a step of a clock is refused."""

from app.core.errors import ConflictProblem, InvalidProblem


class NoticeInvalidProblem(InvalidProblem):
    """The notice contradicts itself."""

    code = "calendar_notice_invalid"
    zh = "节假日安排有误：{reason}"
    en = "The notice contradicts itself: {reason}"


class NoticeKnownProblem(ConflictProblem):
    """The same days are in force already."""

    code = "calendar_notice_known"
    zh = "{year} 年的安排与现行的完全相同"
    en = "The notice in force for {year} says the same"


class ClockStateProblem(ConflictProblem):
    """The clock has ended, is suspended already, or is not."""

    code = "clock_state"
    zh = "时限已结束、已中止或未中止，不能执行此操作"
    en = "The clock has ended, is suspended, or is not: this is not possible now"


class ClockGroundProblem(InvalidProblem):
    """The law does not let this limit stand still on that ground."""

    code = "clock_ground_not_allowed"
    zh = "该时限依法不因此中止；允许的事由：{allowed}"
    en = "This limit is not suspended on that ground; allowed: {allowed}"


class ClockExtensionProblem(InvalidProblem):
    """More than may be approved."""

    code = "clock_extension_too_long"
    zh = "超过可批准延长的期限（最多 {most}）"
    en = "Longer than may be approved (at most {most})"


class ClockExtendedByActProblem(InvalidProblem):
    """What the clock runs for has an act of its own for extensions."""

    code = "clock_extended_by_act"
    zh = "该时限须经延期审批延长，不能在时限处直接延长"
    en = "This limit is extended by an act that one proposes and another grants, not at the clock"


class ClockPersonProblem(InvalidProblem):
    """Whoever is to answer for the clock is not in service of its authority, nor of one it has entrusted."""

    code = "clock_person"
    zh = "承办人须为该机关或其委托机关的在职人员"
    en = "Whoever answers for it must be in service of its authority, or of one it has entrusted"


class ClockOfTeamProblem(InvalidProblem):
    """Whoever leads a case answers for all of its clocks: one of them alone is not handed over."""

    code = "clock_of_team"
    zh = "案件的时限由主办人员承办，不能单独移交；请变更案件的办案人员（立案后：POST /cases/{case_id}/team）"
    en = "Whoever leads the case answers for its clocks: name another team (once filed: POST /cases/{case_id}/team)"


class ClockOfSupervisorProblem(InvalidProblem):
    """Whoever supervises a placard answers for its clock: it goes to another with the placard."""

    code = "clock_of_supervisor"
    zh = (
        "挂牌的时限由督办责任人负责，不能单独移交；请变更督办责任人（POST /placards/{placard_id}/supervisor）"
    )
    en = "Whoever supervises the placard answers for its clock: name another supervisor (POST /placards/{placard_id}/supervisor)"


class ClockDateProblem(InvalidProblem):
    """A step lies before the start of the clock, before the step before it, or in the future."""

    code = "clock_date"
    zh = "日期不得早于时限起算日或上一步，也不得晚于今天"
    en = "The day lies before the clock's start or its last step, or in the future"


class LimitFixedProblem(InvalidProblem):
    """The law fixes the number, or there is no such limit."""

    code = "limit_not_settable"
    zh = "该期限由法律规定，不能自行设定"
    en = "This limit is fixed by law, or does not exist"


class LimitSetProblem(ConflictProblem):
    """A number is set already from that day on."""

    code = "limit_already_set"
    zh = "自该日起的期限已设定"
    en = "A limit from that day on is set already"
